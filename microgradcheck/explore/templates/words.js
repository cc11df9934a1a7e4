// What a step says, in symbols and in numbers. Then guess before reveal: what is asked, and what a
// wrong answer tells of the one who gave it.

// A number with four significant digits, as people write it.
function readable(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return "—";
  const whole = x % 1 === 0 && Math.abs(x) < 1e6;
  const [mantissa, exponent] = x.toExponential(3).split("e").map(Number);
  const plain = whole || (exponent >= -4 && exponent < 4);
  const digits = `${Math.abs(exponent)}`.padStart(2, "0");
  const text = plain
    ? `${whole ? x : Number(x.toFixed(3 - exponent))}`
    : `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  return text.replaceAll("-", "−");
}

// An operation with its inputs in place.
function fill({ operation, symbol }, a, b) {
  const wrapped = (text) => (text.startsWith("−") ? `(${text})` : text);
  if (operation === "negative") return `−${wrapped(a)}`;
  if (operation === "positive") return `+${wrapped(a)}`;
  if (b === undefined) return `${symbol}(${a})`;
  if (symbol === "**") return `${wrapped(a)} ** ${wrapped(b)}`;
  return "+−×/".includes(symbol) ? `${a} ${symbol} ${wrapped(b)}` : `${symbol}(${a}, ${b})`;
}

// What stands in a slot: a node by its name, or a number.
function nameOf(slot) {
  return typeof slot === "number" ? graph.nodes[slot].name : readable(Number(slot));
}

function partial(of, by) {
  return `∂${graph.nodes[of].name}/∂${graph.nodes[by].name}`;
}

// The places of a node and of all that is made from it.
function madeFrom(source) {
  const made = new Set([source]);
  graph.nodes.forEach(({ slots }, place) => {
    if (slots.some((slot) => made.has(slot))) made.add(place);
  });
  return made;
}

// The slope of one operation in one of its inputs. Textbooks write it as a derivative; where the
// input gets into the node in another way too, that is another number.
function localSlope({ place, position, target }) {
  const { slots, symbol } = graph.nodes[place];
  const other = slots[1 - position];
  if (!madeFrom(target).has(other)) return partial(place, target);
  const which = other === target ? ["1st ", "2nd "][position] : "";
  return `slope of ${symbol} in ${which}${graph.nodes[target].name}`;
}

// A step as { symbols, numbers, result, rule }.
function describe(study, index) {
  const { kind, place, target, rule } = graph.steps[index];
  const node = graph.nodes[place];
  if (kind === "seed")
    return { symbols: partial(place, place), numbers: "", result: "1", rule: "" };
  if (kind === "forward")
    return {
      symbols: `${node.name} = ${fill(node, ...node.slots.map(nameOf))}`,
      numbers: fill(node, ...read(node.slots, study.values).map(readable)),
      result: readable(study.values[place]),
      rule: "",
    };
  const { upstream, slope, flow } = study.applications[index];
  const local = localSlope(graph.steps[index]);
  return {
    symbols: `${partial(graph.root, place)} · ${local}`,
    numbers: fill({ symbol: "×" }, readable(upstream), readable(slope)),
    result: readable(flow),
    // A rule that is a number already is not written twice.
    rule: `${local} = ${rule}${/^-?\d+$/.test(rule) ? "" : ` = ${readable(slope)}`}`,
  };
}

// What all the consumers that were met so far add up to; "" where there is but one.
function describeTotal(study, index) {
  const { target, uses } = graph.steps[index];
  if (uses === 1) return "";
  const { terms, after } = study.applications[index];
  const use = terms.length;
  const result = use > 1 ? ` = ${readable(after)}` : "";
  const gradient = `${partial(graph.root, target)}${use < uses ? " so far" : ""}`;
  return `${gradient} = ${writeTerms(terms)}${result} (${use} of ${uses} uses)`;
}

function writeTerms(terms) {
  return terms.map(readable).join(" + ").replaceAll("+ −", "− ");
}

function question(study, index) {
  const { kind, place, target, uses } = graph.steps[index];
  const { symbols, numbers } = describe(study, index);
  if (kind === "seed") return `What is ${symbols}?`;
  if (kind === "forward") return `What is ${symbols}, that is ${numbers}?`;
  const gradient = partial(graph.root, target);
  const { before } = study.applications[index];
  const [from, to] = [place, target].map((at) => graph.nodes[at].name);
  const asked =
    before === null
      ? `What is ${gradient}${uses > 1 ? " so far" : ""}?`
      : `${gradient} was ${readable(before)}. What is it after this step?`;
  return `Now carry it from ${from} back to ${to}. ${asked}`;
}

// People read off four digits and round; half a percent forgives that, and no slip of theirs.
function near(guess, number, rounding = 0) {
  const slack = number === 0 ? 1e-12 : 0.005 * Math.abs(number);
  return Number.isFinite(number) && Math.abs(guess - number) <= Math.max(slack, rounding);
}

// How far rounding moves the sum that a step makes: where its terms cancel, nothing else is left.
function roundingOf(study, index) {
  const { kind, place } = graph.steps[index];
  const { before, flow } = study.applications[index] ?? {};
  const { symbol, slots } = graph.nodes[place];
  const forward = "+−".includes(symbol) ? read(slots, study.values) : [];
  const terms = kind === "backward" ? [before ?? 0, flow] : forward;
  return 4 * Number.EPSILON * Math.max(0, ...terms.map(Math.abs));
}

// Numbers as people type them: 0,5 and 1/3 and a typographic minus too; nan for anything else.
function readGuess(text) {
  const plain = text.trim().replace(/[−–]/g, "-").replace(",", ".");
  const [, top, , bottom] =
    plain.match(/^([+-]?[\d.]+(e[+-]?\d+)?)(?:\s*\/\s*([+-]?[\d.]+))?$/i) ?? [];
  return Number(top) / Number(bottom ?? 1);
}

// Say what a guess is, as { right, text }: of the numbers that it may be, the first that it is near.
function judge(study, index, guess) {
  const { kind, place } = graph.steps[index];
  const { after } = study.applications[index] ?? {};
  const expected = { seed: 1, forward: study.values[place], backward: after }[kind];
  const slips = { seed: () => [], forward: slipsForward, backward: slipsBackward }[kind];
  const meanings = [
    [expected, "Right!"],
    [-expected, "Wrong sign."],
    ...slips(study, index),
  ];
  let text = meanings.find(([number]) => near(guess, number))?.[1];
  if (near(guess, expected, roundingOf(study, index))) text = "Right!";
  if (!Number.isFinite(expected)) text = "There is no such number here: reveal it to see why.";
  else if (Number.isNaN(guess)) text = "Type a number, such as 0.5, −3 or 1/4.";
  else if (Math.abs(guess - expected) < 0.1 * Math.abs(expected))
    text ??= "Close. Compute it once more, to three digits.";
  return { right: text === "Right!", text: text ?? "Not yet. Try again, or reveal it." };
}

function slipsForward(study, index) {
  const { slots } = graph.nodes[graph.steps[index].place];
  const [a, b] = read(slots, study.values);
  const results = { "+": a + b, "−": a - b, "×": a * b, "/": a / b };
  return Object.entries(results).map(([symbol, number]) => [
    number,
    `That is ${readable(a)} ${symbol} ${readable(b)}.`,
  ]);
}

function slipsBackward(study, index) {
  const { place, target } = graph.steps[index];
  const { upstream, slope, flow, before } = study.applications[index];
  const name = graph.nodes[target].name;
  const sum = before ?? 0;
  const local = `${localSlope(graph.steps[index])} = ${readable(slope)}`;
  const above = `${partial(graph.root, place)} = ${readable(upstream)}`;
  const noUpstream = `You forgot the upstream gradient: ${readable(slope)} is the local slope only. Multiply it by ${above}.`;
  const noSlope = `You forgot the local slope: ${readable(upstream)} is the upstream gradient only. Multiply it by ${local}.`;
  return [
    [
      flow,
      `You took = for +=: ${name} is used more than once, so this step adds to the ${readable(before)} that is there.`,
    ],
    [sum - flow, "Wrong sign in what this step adds."],
    [slope, noUpstream],
    [sum + slope, noUpstream],
    [upstream, noSlope],
    [sum + upstream, noSlope],
    [-slope, `Wrong sign, and the upstream gradient ${above} is missing.`],
    [upstream + slope, "The chain rule multiplies the two slopes; you added them."],
    [upstream / slope, "The chain rule multiplies by the local slope; you divided by it."],
    [before, "That is what it was before this step."],
  ];
}
