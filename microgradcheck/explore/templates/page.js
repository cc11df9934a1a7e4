// The page: a state, functions that bring each panel to it, and what changes it.

const graph = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const start = graph.inputs.map(({ place }) => Number(graph.nodes[place].number));
const state = { step: 0, inputs: [...start], guessing: false, feedback: "", typed: "" };
const steps = graph.steps.length;
const forwardSteps = graph.steps.filter((step) => step.kind === "forward").length;
const fields = graph.inputs.map((_, i) => {
  const names = ["slider", "exact", "backprop", "numerical", "verdict"];
  const within = (name) => document.querySelector(`[data-input="${i}"] .${name}`);
  return Object.fromEntries(names.map((name) => [name, within(name)]));
});

// `live` tells a screen reader whether to read the step out.
function show(live = "off") {
  find("now").setAttribute("aria-live", live);
  const found = study(graph, state.inputs);
  showPicture(graph, found, state.step);
  showStep(found);
  showSource();
  showGuess(found);
  showInputs(found);
  showTable(found);
}

function put(id, text) {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
}

function showStep(found) {
  const step = graph.steps[state.step - 1];
  put("phase", phase(step));
  const said = step === undefined ? opening() : describe(graph, found, state.step - 1);
  const parts = ["symbols", "numbers", "result"].filter((kind) => said[kind] !== "");
  const formula = find("formula");
  formula.replaceChildren(
    ...parts.flatMap((kind, index) => {
      const span = document.createElement("span");
      span.className = kind;
      span.textContent = index === 0 ? said[kind] : `= ${said[kind]}`;
      return [span, " "];
    }),
  );
  formula.className = step?.kind ?? "opening";
  put("rule", said.rule);
  put("total", step === undefined ? "" : describeTotal(graph, found, state.step - 1));
  find("progress").max = steps;
  find("progress").value = state.step;
  for (const [id, end] of Object.entries({ first: 0, back: 0, next: steps, last: steps })) {
    // Not `disabled`, which would take the focus away, and the arrow keys with it.
    find(id).setAttribute("aria-disabled", String(state.step === end));
  }
}

function opening() {
  const given = graph.inputs.map(
    ({ place }, i) => `${graph.nodes[place].name} = ${readable(state.inputs[i])}`,
  );
  return { symbols: given.join(",  "), numbers: "", result: "", rule: "" };
}

function phase(step) {
  if (step === undefined)
    return "The inputs are given. Next: compute every number after those that it is made from.";
  if (step.kind === "forward") return `Forward, step ${state.step} of ${forwardSteps}`;
  const place = `step ${state.step - forwardSteps} of ${steps - forwardSteps}`;
  if (step.kind === "seed") return `Backward, ${place}: the result changes as fast as itself`;
  return `Backward, ${place}${state.step === steps ? ": the gradient is complete" : ""}`;
}

function showSource() {
  const line = String(graph.steps[state.step - 1]?.line ?? 0);
  for (const item of find("source").children) {
    const current = item.dataset.line === line;
    item.className = current ? "current" : "";
    if (current) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

// Scrolls the program alone, where `scrollIntoView` would move the whole page.
function scrollToLine() {
  const list = find("source");
  const item = list.querySelector(".current");
  const [inner, outer] = [item.getBoundingClientRect(), list.getBoundingClientRect()];
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
  if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
}

// What is yet to be guessed is not shown anywhere.
const secret = () => state.guessing && state.step < steps;

function showGuess(found) {
  find("guess").hidden = !secret();
  find("guessing").setAttribute("aria-pressed", String(state.guessing));
  put("question", secret() ? question(graph, found, state.step) : "");
  put("feedback", secret() ? state.feedback : "");
  if (find("answer").value !== state.typed) find("answer").value = state.typed;
}

function showInputs(found) {
  put("result-name", graph.nodes[graph.root].name);
  showNumber(find("result-value"), found.values[graph.root]);
  put("problem", problemOf(found));
  put(
    "note",
    secret()
      ? "The answers are shown after the last step."
      : "Differences: (f(x + h) − f(x − h)) / 2h, with nothing but the values of f.",
  );
  fields.forEach(({ slider, exact, backprop, numerical, verdict }, i) => {
    slider.value = String(state.inputs[i]);
    slider.setAttribute("aria-valuetext", readable(state.inputs[i]));
    if (document.activeElement !== exact) exact.value = String(state.inputs[i]);
    showNumber(backprop, found.gradients[i]);
    showNumber(numerical, found.numerical[i].estimate);
    verdict.className = `verdict ${secret() ? "" : found.verdicts[i].verdict}`;
    verdict.textContent = secret() ? "" : verdictInWords(found.verdicts[i]);
  });
}

function showNumber(output, number) {
  output.textContent = secret() ? "?" : readable(number);
  output.dataset.exact = secret() ? "" : String(number);
}

function verdictInWords({ verdict, digits, slopes }) {
  return {
    agree: `✓ agree to ${digits} digits`,
    kink: `∧ a kink: slopes ${slopes?.map(readable).join(" and ")}`,
    differ: "✗ they differ",
    edge: "an edge: undefined on one side",
    none: "there is no derivative here",
  }[verdict];
}

function problemOf({ problem, guard }) {
  if (problem !== null) {
    const { operation, name } = graph.nodes[problem.place];
    const call = `${name} = ${operation}(${problem.inputs.map(readable).join(", ")})`;
    if (problem.inputs.some(Number.isNaN)) return `${call} cannot be computed.`;
    if (problem.defined) return `${call} is too large or undefined.`;
    return `${call} is undefined: ${operation} needs ${problem.needs}.`;
  }
  if (guard === undefined) return "";
  const [left, right] = [guard.left, guard.right].map((slot) => nameOf(graph, slot));
  return `The function takes another branch here: ${left} ${guard.symbol} ${right} was ${guard.answer} when it was recorded. The page goes on with the recorded one.`;
}

function showTable(found) {
  if (!find("steps").open) return;
  for (const row of document.querySelectorAll("#steps tbody tr")) {
    const index = Number(row.dataset.step) - 1;
    const hidden = state.guessing && index >= state.step;
    const formula = hidden ? "?" : sentence(describe(graph, found, index));
    row.querySelector(".formula").textContent = formula;
    row.querySelector(".total").textContent = hidden ? "" : describeTotal(graph, found, index);
    row.className = index === state.step - 1 ? "current" : "";
  }
}

function writeHash() {
  const guessing = state.guessing ? "&guess=on" : "";
  const hash = `#step=${state.step}&inputs=${state.inputs.join(",")}${guessing}`;
  try {
    history.replaceState(null, "", hash);
  } catch {
    // In a frame without an address of its own, as in a notebook, there is none to write to.
  }
}

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  const step = Number(given.get("step") ?? 0);
  const texts = (given.get("inputs") ?? "").split(",");
  const inputs = texts.map((text) => (text === "" ? NaN : Number(text)));
  state.step = Number.isInteger(step) ? Math.min(Math.max(step, 0), steps) : 0;
  state.inputs =
    inputs.length === start.length && inputs.every(Number.isFinite) ? inputs : [...start];
  state.guessing = given.get("guess") === "on";
}

function showAndNote() {
  show("polite");
  writeHash();
}

function go(step) {
  state.step = Math.min(Math.max(step, 0), steps);
  state.feedback = "";
  state.typed = "";
  showAndNote();
  scrollToNow();
  scrollToLine();
}

function move(i, number) {
  if (!Number.isFinite(number)) return;
  state.inputs[i] = number;
  state.feedback = "";
  show();
}

function connect() {
  const onClick = {
    first: () => go(0),
    back: () => go(state.step - 1),
    next: () => go(state.step + 1),
    last: () => go(steps),
    reveal: () => go(state.step + 1),
    guessing: () => {
      state.guessing = !state.guessing;
      go(state.step === steps ? 0 : state.step);
      if (state.guessing) find("answer").focus();
    },
    reset: () => {
      state.inputs = [...start];
      go(state.step);
    },
  };
  for (const [id, act] of Object.entries(onClick)) find(id).addEventListener("click", act);
  find("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = find("answer").value;
    const found = study(graph, state.inputs);
    const judged = judge(graph, found, state.step, readGuess(typed));
    if (judged.right) return go(state.step + 1);
    state.typed = typed;
    state.feedback = judged.text;
    return show();
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
    go(state.step + keys[key]);
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
  find("steps").addEventListener("toggle", () => show("polite"));
  window.addEventListener("hashchange", () => {
    readHash();
    showAndNote();
  });
}

find("main").className = "live";
find("steps").open = false;
for (const id of ["stepper", "inputs"]) find(id).hidden = false;
preparePicture(graph);
connect();
readHash();
showAndNote();
scrollToNow();
scrollToLine();
