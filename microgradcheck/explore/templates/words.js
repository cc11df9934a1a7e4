// What a step says, in symbols and in numbers; words.py says the same for the static page.

// As Python writes a number with four significant digits.
function readable(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return "—";
  if (x % 1 === 0 && Math.abs(x) < 1e6) return String(x === 0 ? 0 : x).replace("-", "−");
  const [mantissa, exponent] = x.toExponential(3).split("e").map(Number);
  if (exponent >= -4 && exponent < 4) {
    return trimmed(x.toFixed(3 - exponent)).replace("-", "−");
  }
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${trimmed(mantissa.toFixed(3))}e${exponent < 0 ? "-" : "+"}${digits}`.replace(/-/g, "−");
}

function trimmed(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function fill(template, a, b) {
  const wrapped = b.startsWith("−") ? `(${b})` : b;
  const base = a.startsWith("−") && template.includes(" ** ") ? `(${a})` : a;
  const parts = { "{a}": base, "{b}": wrapped, "{c}": b };
  return template.replace(/\{[abc]\}/g, (part) => parts[part]);
}

// The inputs of a node by name, or by number.
function writtenInputs(graph, node, write) {
  const [a, b] = node.slots.map(write);
  return [a, b ?? a];
}

// A step as { symbols, numbers, result, rule }.
function describe(graph, study, index) {
  const step = graph.steps[index];
  const node = graph.nodes[step.place];
  const root = graph.nodes[graph.root].name;
  if (step.kind === "seed") {
    return { symbols: `∂${root}/∂${root}`, numbers: "", result: "1", rule: "" };
  }
  if (step.kind === "forward") {
    const name = (slot) =>
      "place" in slot ? graph.nodes[slot.place].name : readable(Number(slot.constant));
    const numbers = operands(node, study.values).map(readable);
    const byName = fill(node.template, ...writtenInputs(graph, node, name));
    return {
      symbols: `${node.name} = ${byName}`,
      numbers: fill(node.template, numbers[0], numbers[1] ?? numbers[0]),
      result: readable(study.values[step.place]),
      rule: "",
    };
  }
  const { upstream, slope, flow } = study.applications[index];
  const target = graph.nodes[step.target].name;
  return {
    symbols: `∂${root}/∂${node.name} · ∂${node.name}/∂${target}`,
    numbers: fill("{a} × {b}", readable(upstream), readable(slope)),
    result: readable(flow),
    // A rule that is a number already is not written twice.
    rule: `∂${node.name}/∂${target} = ${step.rule}${/^-?\d+$/.test(step.rule) ? "" : ` = ${readable(slope)}`}`,
  };
}

function sentence({ symbols, numbers, result }) {
  return [symbols, numbers, result].filter((part) => part !== "").join(" = ");
}

// What all the consumers that were met so far add up to; "" where there is but one.
function describeTotal(graph, study, index) {
  const { kind, target, uses } = graph.steps[index];
  if (kind !== "backward" || uses === 1) return "";
  const symbol = `∂${graph.nodes[graph.root].name}/∂${graph.nodes[target].name}`;
  const flows = flowsSoFar(graph, study, index);
  const missing = flows.length === uses ? "" : `, ${uses - flows.length} more to come`;
  const result = flows.length > 1 ? ` = ${readable(study.applications[index].after)}` : "";
  return `${symbol} = ${writeTerms(flows)}${result} (${flows.length} of ${uses} uses${missing})`;
}

function flowsSoFar(graph, study, index) {
  const { target } = graph.steps[index];
  return graph.steps.flatMap((step, other) =>
    step.kind === "backward" && step.target === target && other <= index
      ? [study.applications[other].flow]
      : [],
  );
}

function writeTerms(flows) {
  const [first, ...others] = flows.map(readable);
  return (
    first +
    others.map((text) => (text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`)).join("")
  );
}
