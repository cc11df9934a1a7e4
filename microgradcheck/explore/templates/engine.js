// What the table's texts may call and JavaScript does not have; then the two sweeps over the
// recorded graph, and central differences to check them by. Nothing in this file knows of the
// page; `table` holds the rules that were translated.

// Python's power: nan stays nan, and 1 to any power is 1.
function power(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return a + b;
  if (a === 1 || (a === -1 && !Number.isFinite(b))) return 1;
  return Math.pow(a, b);
}

// Python's remainder has the sign of the divisor.
function modulo(a, b) {
  const remainder = a % b;
  return remainder !== 0 && remainder < 0 !== b < 0 ? remainder + b : remainder;
}

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

// Compute every node, inputs before their users. What cannot be computed is nan.
function forwardSweep(graph, inputs) {
  const values = [];
  let problem = null;
  graph.nodes.forEach((node, place) => {
    if (node.operation === null) {
      const position = graph.inputs.findIndex((input) => input.place === place);
      values.push(position < 0 ? Number(node.number) : inputs[position]);
      return;
    }
    const [a, b] = operands(node, values);
    const rule = table[node.operation];
    const defined = rule.inside(a, b);
    const y = defined ? rule.value(a, b) : NaN;
    if (!Number.isFinite(y)) {
      problem ??= { place, inputs: operands(node, values), defined, needs: rule.needs };
    }
    values.push(Number.isFinite(y) ? y : NaN);
  });
  return { values, problem };
}

function operands(node, values) {
  return node.slots.map((slot) => ("place" in slot ? values[slot.place] : Number(slot.constant)));
}

// Apply the chain rule once for each backward step. The terms are what has reached the target so
// far, the step's own last, and `after` is their sum; `before` is null where it is the first.
function reverseSweep(graph, values) {
  const adjoints = graph.nodes.map(() => null);
  const terms = graph.nodes.map(() => []);
  const applications = graph.steps.map((step) => {
    if (step.kind === "seed") adjoints[step.place] = 1;
    if (step.kind !== "backward") return null;
    const node = graph.nodes[step.place];
    const [a, b] = operands(node, values);
    const upstream = adjoints[step.place];
    const slope = table[node.operation].slopes[step.position](a, b, values[step.place]);
    const flow = upstream * slope;
    const before = adjoints[step.target];
    adjoints[step.target] = (before ?? 0) + flow;
    terms[step.target] = [...terms[step.target], flow];
    const sum = { before, after: adjoints[step.target], terms: terms[step.target] };
    return { upstream, slope, flow, ...sum };
  });
  return { adjoints, applications };
}

// The derivative by central differences: f at both sides of each input, and nothing else.
// The step is a power of two, so that moving by it is exact; h and 2h tell how far to trust it.
function centralDifferences(graph, inputs) {
  const f = (position, moved) => {
    const others = inputs.map((number, other) => (other === position ? number + moved : number));
    return forwardSweep(graph, others).values[graph.root];
  };
  return inputs.map((number, position) => {
    const h = 2 ** (Math.round(Math.log2(Math.max(1, Math.abs(number)))) - 17);
    const [center, right, left] = [f(position, 0), f(position, h), f(position, -h)];
    const estimate = (right - left) / (2 * h);
    const coarse = (f(position, 2 * h) - f(position, -2 * h)) / (4 * h);
    const noise = (4 * Number.EPSILON * Math.max(Math.abs(center), Math.abs(right))) / h;
    return {
      estimate,
      bound: Math.abs(estimate - coarse) + noise,
      slopes: [(center - left) / h, (right - center) / h],
    };
  });
}

// Say whether a gradient and its numerical estimate are the same number, as far as one can see.
function compareGradients(gradient, numerical, kink) {
  const { estimate, bound, slopes } = numerical;
  if (!Number.isFinite(gradient)) return { verdict: "none" };
  if (!Number.isFinite(estimate)) return { verdict: "edge" };
  const gap = Math.abs(gradient - estimate);
  const size = Math.max(Math.abs(gradient), Math.abs(estimate));
  if (kink && Math.abs(slopes[0] - slopes[1]) > 1e-3 * Math.max(...slopes.map(Math.abs))) {
    const between =
      Math.min(...slopes) - bound <= gradient && gradient <= Math.max(...slopes) + bound;
    return { verdict: between ? "kink" : "differ", slopes };
  }
  if (gap > 1e-6 * size + bound) return { verdict: "differ" };
  const digits = gap === 0 ? 15 : Math.min(15, Math.floor(-Math.log10(gap / (size || 1))));
  return { verdict: "agree", digits };
}

// Where the graph was recorded on one side of a comparison, it says nothing of the other side.
function brokenGuard(graph, values) {
  const compare = {
    "<": (p, q) => p < q,
    "<=": (p, q) => p <= q,
    ">": (p, q) => p > q,
    ">=": (p, q) => p >= q,
    "==": (p, q) => p === q,
    "!=": (p, q) => p !== q,
  };
  return graph.guards.find(
    ({ left, symbol, right, answer }) =>
      compare[symbol](...operands({ slots: [left, right] }, values)) !== answer,
  );
}

// Everything there is to know about the function at these inputs.
function study(graph, inputs) {
  const { values, problem } = forwardSweep(graph, inputs);
  const { adjoints, applications } = reverseSweep(graph, values);
  const kink = graph.nodes.some(
    (node) => node.operation !== null && table[node.operation].kink(...operands(node, values)),
  );
  const gradients = graph.inputs.map(({ place }) => adjoints[place] ?? 0);
  const numerical = centralDifferences(graph, inputs);
  const verdicts = gradients.map((gradient, i) => compareGradients(gradient, numerical[i], kink));
  const guard = brokenGuard(graph, values);
  return { inputs, values, problem, adjoints, applications, gradients, numerical, verdicts, guard };
}
