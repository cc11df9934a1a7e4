// The page: a state, functions that bring each panel to it, and what changes it.

const graph = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const start = graph.inputs.map((place) => Number(graph.nodes[place].number));
const state = { step: 0, found: study(start), guessing: false };
const steps = graph.steps.length;
// A slider may be dragged through inputs where there are fewer steps, and comes back to its step.
const current = () => Math.min(state.step, state.found.count);
const forwardSteps = graph.steps.filter((step) => step.kind === "forward").length;
const fields = [...document.querySelectorAll(".entry")].map((entry) =>
  Object.fromEntries([...entry.querySelectorAll("[class]")].map((part) => [part.className, part])),
);

// `live` tells a screen reader whether to read the step out.
function show(live = "off") {
  find("now").setAttribute("aria-live", live);
  showPicture(state.found, current());
  showStep(state.found, current());
  showGuess(state.found);
  showInputs(state.found);
}

function put(id, text) {
  if (find(id).textContent !== text) find(id).textContent = text;
}

function showStep(found, count) {
  const step = graph.steps[count - 1];
  put("phase", phase(step, count));
  const said = step === undefined ? opening() : describe(found, count - 1);
  const formula = find("formula");
  formula.replaceChildren();
  for (const kind of ["symbols", "numbers", "result"]) {
    if (said[kind] === "") continue;
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = kind === "symbols" ? said[kind] : `= ${said[kind]}`;
    formula.append(span, " ");
  }
  formula.className = step?.kind ?? "opening";
  put("rule", said.rule);
  put("total", step === undefined ? "" : describeTotal(found, count - 1));
  find("progress").max = steps;
  find("progress").value = count;
  // Not `disabled`, which would take the focus away, and the arrow keys with it.
  const ends = { first: 0, back: 0, next: found.count, last: found.count };
  for (const [id, end] of Object.entries(ends))
    find(id).setAttribute("aria-disabled", count === end);
  [...find("source").children].forEach((line, index) => {
    const isCurrent = index === (step?.line ?? 0);
    line.className = isCurrent ? "current" : "";
    if (isCurrent) line.setAttribute("aria-current", "step");
    else line.removeAttribute("aria-current");
  });
}

function opening() {
  const given = graph.inputs.map(
    (place, i) => `${nameOf(place)} = ${readable(state.found.inputs[i])}`,
  );
  return { symbols: given.join(",  "), numbers: "", result: "", rule: "" };
}

function phase(step, count) {
  if (step?.kind === "forward" && count === state.found.count)
    return `Forward, step ${count} of ${forwardSteps}: f is undefined here, and the steps end`;
  if (step === undefined)
    return "The inputs are given. Next: compute every number after those that it is made from.";
  if (step.kind === "forward") return `Forward, step ${count} of ${forwardSteps}`;
  const place = `Backward, step ${count - forwardSteps} of ${steps - forwardSteps}`;
  if (step.kind === "seed") return `${place}: the result changes as fast as itself`;
  return count === steps ? `${place}: the gradient is complete` : place;
}

// What is yet to be guessed is not shown anywhere.
const secret = () => state.guessing && current() < state.found.count;

function showGuess(found) {
  find("guess").hidden = !secret();
  find("guessing").setAttribute("aria-pressed", state.guessing);
  put("question", secret() ? question(found, current()) : "");
}

function showInputs(found) {
  put("result-name", nameOf(graph.root));
  showNumber(find("result-value"), found.values[graph.root]);
  put("problem", problemOf(found));
  fields.forEach(({ slider, exact, backprop, numerical, verdict }, i) => {
    slider.value = found.inputs[i];
    slider.setAttribute("aria-valuetext", readable(found.inputs[i]));
    if (document.activeElement !== exact) exact.value = found.inputs[i];
    showNumber(backprop, found.gradients[i]);
    showNumber(numerical, found.verdicts[i].estimate);
    verdict.className = `verdict ${secret() ? "" : found.verdicts[i].verdict}`;
    verdict.textContent = secret() ? "" : verdictInWords(found.verdicts[i]);
  });
}

function showNumber(output, number) {
  output.textContent = secret() ? "?" : readable(number);
  output.dataset.exact = secret() ? "" : number;
}

function verdictInWords({ verdict, digits, slopes }) {
  return {
    agree: digits < 3 ? "✓ both are close to 0" : `✓ agree to ${digits} digits`,
    kink: `∧ a kink: slopes ${slopes.map(readable).join(" and ")}`,
    differ: "✗ they differ",
    unclear: "cannot tell: rounding hides it",
    edge: "an edge: undefined on one side",
    none: "there is no derivative here",
  }[verdict];
}

function problemOf({ problem, guard }) {
  if (problem !== null) {
    const { operation, name } = graph.nodes[problem.place];
    const call = `${name} = ${operation}(${problem.given.map(readable).join(", ")})`;
    if (problem.needs === "") return `${call} is too large or undefined.`;
    return `${call} is undefined: ${operation} needs ${problem.needs}.`;
  }
  if (guard === undefined) return "";
  const [left, right] = guard.slots.map(nameOf);
  return `The function takes another branch here: ${left} ${guard.symbol} ${right} was ${guard.answer} when it was recorded. The page goes on with the recorded one.`;
}

// Scrolls one panel alone, where `scrollIntoView` would move the whole page.
function centreOn(panel, item) {
  const [inner, outer] = [item, panel].map((element) => element?.getBoundingClientRect());
  if (inner === undefined) return;
  // Both ways at once: where scrolling is smooth, the second of two would stop the first.
  panel.scrollBy(
    inner.left + inner.width / 2 - outer.left - outer.width / 2,
    inner.top + inner.height / 2 - outer.top - outer.height / 2,
  );
}

function writeHash() {
  const guessing = state.guessing ? "&guess=on" : "";
  try {
    history.replaceState(null, "", `#step=${state.step}&inputs=${state.found.inputs}${guessing}`);
  } catch {
    // In a frame without an address of its own, as in a notebook, there is none to write to.
  }
}

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  const inputs = (given.get("inputs") ?? "").split(",").map((text) => parseFloat(text));
  const isWhole = inputs.length === start.length && inputs.every(Number.isFinite);
  state.found = study(isWhole ? inputs : start);
  state.guessing = given.get("guess") === "on";
  const step = Number(given.get("step"));
  go(Number.isInteger(step) ? step : 0);
}

function go(step) {
  state.step = Math.min(Math.max(step, 0), state.found.count);
  put("feedback", "");
  find("answer").value = "";
  show("polite");
  writeHash();
  centreOn(find("picture"), document.querySelector("#graph .now"));
  centreOn(find("source"), document.querySelector("#source .current"));
}

function move(i, number) {
  if (!Number.isFinite(number)) return;
  state.found = study(Object.assign([...state.found.inputs], { [i]: number }));
  put("feedback", "");
  show();
}

function connect() {
  const onClick = {
    first: () => go(0),
    back: () => go(current() - 1),
    next: () => go(current() + 1),
    last: () => go(steps),
    reveal: () => go(current() + 1),
    guessing: () => {
      state.guessing = !state.guessing;
      go(current() === state.found.count ? 0 : current());
      if (state.guessing) find("answer").focus();
    },
    reset: () => {
      state.found = study(start);
      go(state.step);
    },
  };
  for (const [id, act] of Object.entries(onClick)) find(id).addEventListener("click", act);
  find("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    const guess = readGuess(find("answer").value);
    const { right, text } = judge(state.found, current(), guess);
    if (right) go(current() + 1);
    else put("feedback", text);
  });
  const keys = {
    ...{ ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 },
    ...{ Home: -steps, End: steps },
  };
  find("stepper").addEventListener("keydown", (event) => {
    const { key, target, altKey, ctrlKey, metaKey } = event;
    // In the field, the arrow keys move the cursor.
    if (!(key in keys) || target.id === "answer" || altKey || ctrlKey || metaKey) return;
    event.preventDefault();
    go(current() + keys[key]);
  });
  fields.forEach(({ slider, exact }, i) => {
    slider.addEventListener("input", () => move(i, slider.valueAsNumber));
    // At the end of a drag only, since browsers slow down those who change the address too often.
    slider.addEventListener("change", writeHash);
    exact.addEventListener("change", () => {
      move(i, readGuess(exact.value));
      writeHash();
    });
    exact.addEventListener("blur", () => show());
  });
  window.addEventListener("hashchange", readHash);
}

find("main").className = "live";
for (const id of ["stepper", "inputs"]) find(id).hidden = false;
preparePicture();
connect();
readHash();
