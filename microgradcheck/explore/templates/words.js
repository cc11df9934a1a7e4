// What a step says, in symbols and in numbers; listing.py says the same for the static page. Then
// guess before reveal: what is asked, and what a wrong answer tells of the one who gave it.

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

function fill(template, a, b = a) {
  const wrapped = b.startsWith("−") ? `(${b})` : b;
  const base = a.startsWith("−") && template.includes(" ** ") ? `(${a})` : a;
  const parts = { "{a}": base, "{b}": wrapped, "{c}": b };
  return template.replace(/\{[abc]\}/g, (part) => parts[part]);
}

// What stands in a slot: a node by its name, or a number.
function nameOf(graph, slot) {
  return "place" in slot ? graph.nodes[slot.place].name : readable(Number(slot.constant));
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
    const names = node.slots.map((slot) => nameOf(graph, slot));
    return {
      symbols: `${node.name} = ${fill(node.template, ...names)}`,
      numbers: fill(node.template, ...operands(node, study.values).map(readable)),
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
  const { terms, after } = study.applications[index];
  const missing = terms.length === uses ? "" : `, ${uses - terms.length} more to come`;
  const result = terms.length > 1 ? ` = ${readable(after)}` : "";
  return `${symbol} = ${writeTerms(terms)}${result} (${terms.length} of ${uses} uses${missing})`;
}

function writeTerms(terms) {
  return terms.map(readable).join(" + ").replaceAll("+ −", "− ");
}

function question(graph, study, index) {
  const step = graph.steps[index];
  const node = graph.nodes[step.place];
  const root = graph.nodes[graph.root].name;
  if (step.kind === "seed") return `What is ∂${root}/∂${root}?`;
  const { symbols, numbers } = describe(graph, study, index);
  if (step.kind === "forward") return `What is ${symbols}, that is ${numbers}?`;
  const target = graph.nodes[step.target].name;
  const { before } = study.applications[index];
  const task = `Now carry it from ${node.name} back to ${target}`;
  if (before === null)
    return `${task}. What is ∂${root}/∂${target}${step.uses > 1 ? " so far" : ""}?`;
  return `${task}. ∂${root}/∂${target} was ${readable(before)}. What is it after this step?`;
}

// The number that is asked for.
function answer(graph, study, index) {
  const step = graph.steps[index];
  if (step.kind === "seed") return 1;
  return step.kind === "forward" ? study.values[step.place] : study.applications[index].after;
}

// People read off four digits and round; half a percent forgives that, and no slip of theirs.
function near(guess, number) {
  return Number.isFinite(number) && Math.abs(guess - number) <= 0.005 * Math.abs(number) + 1e-12;
}

// Numbers as people type them: 0,5 and 1/3 and a typographic minus too; nan for anything else.
function readGuess(text) {
  const plain = text.trim().replace(/[−–]/g, "-").replace(",", ".");
  const [, top, , bottom] =
    plain.match(/^([+-]?[\d.]+(e[+-]?\d+)?)(?:\s*\/\s*([+-]?[\d.]+))?$/i) ?? [];
  if (top === undefined) return NaN;
  return Number(top) / Number(bottom ?? 1);
}

// Return { right, text }.
function judge(graph, study, index, guess) {
  const expected = answer(graph, study, index);
  if (!Number.isFinite(expected))
    return { right: false, text: "There is no such number here: reveal it to see why." };
  if (Number.isNaN(guess)) return { right: false, text: "Type a number, such as 0.5, −3 or 1/4." };
  if (near(guess, expected)) return { right: true, text: "Right!" };
  const step = graph.steps[index];
  const slips = { forward: slipForward, seed: slipAtSeed, backward: slipBackward };
  const slip = slips[step.kind](graph, study, index, guess);
  if (slip) return { right: false, text: slip };
  if (near(guess, -expected)) return { right: false, text: "Wrong sign." };
  if (Math.abs(guess - expected) < 0.1 * Math.abs(expected))
    return { right: false, text: "Close. Compute it once more, to three digits." };
  return { right: false, text: "Not yet. Try again, or reveal it." };
}

function slipAtSeed() {
  return "How much does the result change when the result itself changes by 1?";
}

function slipForward(graph, study, index, guess) {
  const node = graph.nodes[graph.steps[index].place];
  const [a, b] = operands(node, study.values);
  const others = { "+": a + b, "−": a - b, "×": a * b, "/": a / b };
  const found = Object.entries(others).find(([, number]) => near(guess, number));
  if (near(guess, -study.values[graph.steps[index].place])) return "Wrong sign.";
  return node.slots.length === 2 && found
    ? `That is ${readable(a)} ${found[0]} ${readable(b)}.`
    : "";
}

function slipBackward(graph, study, index, guess) {
  const step = graph.steps[index];
  const { upstream, slope, flow, before } = study.applications[index];
  const name = graph.nodes[step.place].name;
  const target = graph.nodes[step.target].name;
  const root = graph.nodes[graph.root].name;
  const sum = before ?? 0;
  const local = `∂${name}/∂${target}`;
  const slips = [
    [
      before !== null && near(guess, flow),
      `You took = for +=: ${target} is used more than once, so this step adds to the ${readable(before)} that is there.`,
    ],
    [near(guess, -(sum + flow)), "Wrong sign."],
    [before !== null && near(guess, sum - flow), "Wrong sign in what this step adds."],
    [
      near(guess, slope) || near(guess, sum + slope),
      `You forgot the upstream gradient: ${readable(slope)} is the local slope ${local} only. Multiply it by ∂${root}/∂${name} = ${readable(upstream)}.`,
    ],
    [
      near(guess, upstream) || near(guess, sum + upstream),
      `You forgot the local slope: ${readable(upstream)} is the upstream gradient only. Multiply it by ${local} = ${readable(slope)}.`,
    ],
    [
      near(guess, -slope),
      `Wrong sign, and the upstream gradient ∂${root}/∂${name} = ${readable(upstream)} is missing.`,
    ],
    [
      near(guess, upstream + slope),
      "The chain rule multiplies the upstream gradient and the local slope; you added them.",
    ],
    [
      near(guess, upstream / slope),
      "The chain rule multiplies by the local slope; you divided by it.",
    ],
    [before !== null && near(guess, before), "That is what it was before this step."],
  ];
  return slips.find(([applies]) => applies)?.[1] ?? "";
}
