// What the table's texts call and JavaScript does not have; then both sweeps over the recorded
// graph. Nothing in this file knows of the page: `graph` is what was recorded, and `table` holds the
// rules that were translated.

// Python's `p if c else q`, `p and q` and `p or q`; nan is true to it.
const where = (c, p, q) => (c === false || c === 0 ? q : p);
const both = (p, q) => where(p, q, p);
const either = (p, q) => where(p, p, q);

// The table's power: nan stays nan.
const power = (a, b) => (Number.isNaN(a) ? a : a ** b);

// Abramowitz and Stegun 7.1.6. All terms have one sign, so no digit is lost to cancellation;
// from 6 on, what is left to 1 is less than half of the last digit.
function erf(a) {
  if (Math.abs(a) >= 6) return Math.sign(a);
  let term = a;
  let sum = a;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
}

// What stands in slots: a node, which is meant by its place, or a constant, which is a text.
function read(slots, values) {
  return slots.map((slot) => (typeof slot === "number" ? values[slot] : Number(slot)));
}

// Compute every node, inputs before their users. What cannot be computed is nan, and the first
// such node is the problem. A nudge moves each result by about its last digit, as rounding does.
function forwardSweep(inputs, nudge = 0) {
  const values = graph.nodes.map((node) => Number(node.number));
  graph.inputs.forEach((place, i) => (values[place] = inputs[i]));
  let problem = null;
  graph.nodes.forEach((node, place) => {
    if (node.operation === null) return;
    const given = read(node.slots, values);
    const { inside, value, needs } = table[node.operation];
    const isInside = inside(...given);
    const rounding = 1 + Number.EPSILON * Math.sin(nudge * place);
    const y = isInside ? value(...given) * rounding : NaN;
    values[place] = Number.isFinite(y) ? y : NaN;
    if (!Number.isFinite(y)) problem ??= { place, given, needs: isInside ? "" : needs };
  });
  return { values, problem };
}

// Apply the chain rule once for each backward step. The terms are what has reached the target so
// far, the step's own last, and `after` is their sum; `before` is null where it is the first.
function reverseSweep(values) {
  const adjoints = graph.nodes.map(() => null);
  const terms = graph.nodes.map(() => []);
  const applications = graph.steps.map(({ kind, place, position, target }) => {
    if (kind === "seed") adjoints[place] = 1;
    if (kind !== "backward") return null;
    const { operation, slots } = graph.nodes[place];
    const [a, b] = read(slots, values);
    const upstream = adjoints[place];
    const slope = table[operation].slopes[position](a, b, values[place]);
    const flow = upstream * slope;
    const before = adjoints[target];
    const after = (before ?? 0) + flow;
    adjoints[target] = after;
    terms[target] = [...terms[target], flow];
    return { upstream, slope, flow, before, after, terms: terms[target] };
  });
  return { adjoints, applications };
}

// Tell whether p < q, p == q, p != q and so on.
function compare(p, symbol, q) {
  const relation = p < q ? "<" : p > q ? ">" : "=";
  return symbol === "!=" ? relation !== "=" : symbol.includes(relation);
}

// How many steps there are: where f is undefined, the one that fails is the last.
function countSteps(problem) {
  if (problem === null) return graph.steps.length;
  const failing = graph.steps.findIndex(({ place }) => place === problem.place);
  return failing === -1 ? graph.steps.findIndex(({ kind }) => kind === "seed") : failing + 1;
}

// Everything there is to know about the function at these inputs.
function study(inputs) {
  const { values, problem } = forwardSweep(inputs);
  const { adjoints, applications } =
    problem === null ? reverseSweep(values) : { adjoints: [], applications: [] };
  const kink = graph.nodes.some(
    ({ operation, slots }) => operation !== null && table[operation].kink(...read(slots, values)),
  );
  const gradients = graph.inputs.map((place) => (problem === null ? (adjoints[place] ?? 0) : NaN));
  const noise = measureNoise(inputs);
  const verdicts = gradients.map((gradient, i) => check(inputs, i, gradient, kink, noise));
  // Where the graph was recorded on one side of a comparison, it says nothing of the other side.
  const guard = graph.guards.find(({ slots, symbol, answer }) => {
    const [p, q] = read(slots, values);
    return compare(p, symbol, q) !== answer;
  });
  const count = countSteps(problem);
  return { inputs, values, problem, count, applications, gradients, verdicts, guard };
}
