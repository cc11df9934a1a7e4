// The panels of the page: each function brings one to the page's state and what was found there.

function put(id, text) {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
}

function showStep(found) {
  const step = graph.steps[state.step - 1];
  put("phase", phase(step));
  const said = step === undefined ? opening() : describe(graph, found, state.step - 1);
  const parts = [said.symbols, said.numbers, said.result].filter((part) => part !== "");
  const kinds = ["symbols", ...(said.numbers === "" ? [] : ["numbers"]), "result"];
  const formula = find("formula");
  formula.replaceChildren(
    ...parts.flatMap((text, index) => {
      const span = document.createElement("span");
      span.className = kinds[index];
      span.textContent = index === 0 ? text : `= ${text}`;
      return [span, " "];
    }),
  );
  formula.className = step?.kind ?? "opening";
  put("rule", said.rule);
  put("total", step === undefined ? "" : describeTotal(graph, found, state.step - 1));
  find("progress").max = steps;
  find("progress").value = state.step;
  for (const [id, stopped] of [
    ["first", state.step === 0],
    ["back", state.step === 0],
    ["next", state.step === steps],
    ["last", state.step === steps],
  ]) {
    // Not `disabled`, which would take the focus away, and the arrow keys with it.
    find(id).setAttribute("aria-disabled", String(stopped));
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

function showGuess(found) {
  const open = state.guessing && state.step < steps;
  find("guess").hidden = !open;
  find("guessing").setAttribute("aria-pressed", String(state.guessing));
  put("question", open ? question(graph, found, state.step) : "");
  put("feedback", open ? state.feedback : "");
  if (find("answer").value !== state.typed) find("answer").value = state.typed;
}

function showInputs(found) {
  const secret = state.guessing && state.step < steps;
  put("result-name", graph.nodes[graph.root].name);
  put("result-value", secret ? "?" : readable(found.values[graph.root]));
  find("result-value").dataset.exact = secret ? "" : String(found.values[graph.root]);
  put("problem", problemOf(found));
  put(
    "note",
    secret
      ? "The answers are shown after the last step."
      : "Differences: (f(x + h) − f(x − h)) / 2h, with nothing but the values of f.",
  );
  fields.forEach((field, i) => {
    const [slider, exact] = [field.querySelector(".slider"), field.querySelector(".exact")];
    slider.value = String(state.inputs[i]);
    slider.setAttribute("aria-valuetext", readable(state.inputs[i]));
    if (document.activeElement !== exact) exact.value = String(state.inputs[i]);
    showNumber(field.querySelector(".backprop"), found.gradients[i], secret);
    showNumber(field.querySelector(".numerical"), found.numerical[i].estimate, secret);
    const verdict = field.querySelector(".verdict");
    verdict.className = `verdict ${secret ? "" : found.verdicts[i].verdict}`;
    verdict.textContent = secret ? "" : verdictInWords(found.verdicts[i]);
  });
}

function showNumber(output, number, secret) {
  output.textContent = secret ? "?" : readable(number);
  output.dataset.exact = secret ? "" : String(number);
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
  const [left, right] = [guard.left, guard.right].map((slot) =>
    "place" in slot ? graph.nodes[slot.place].name : readable(Number(slot.constant)),
  );
  return `The function takes another branch here: ${left} ${guard.symbol} ${right} was ${guard.answer} when it was recorded. The page goes on with the recorded one.`;
}

function showTable(found) {
  if (!find("steps").open) return;
  for (const row of document.querySelectorAll("#steps tbody tr")) {
    const index = Number(row.dataset.step) - 1;
    const secret = state.guessing && index >= state.step;
    row.querySelector(".formula").textContent = secret
      ? "?"
      : sentence(describe(graph, found, index));
    row.querySelector(".total").textContent = secret ? "" : describeTotal(graph, found, index);
    row.className = index === state.step - 1 ? "current" : "";
  }
}

// The page: a state, one function that shows it, and what changes it.

const graph = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const start = graph.inputs.map(({ place }) => Number(graph.nodes[place].number));
const state = { step: 0, inputs: [...start], guessing: false, feedback: "", typed: "" };
const steps = graph.steps.length;
const forwardSteps = graph.steps.filter((step) => step.kind === "forward").length;
const fields = graph.inputs.map((_, i) => document.querySelector(`[data-input="${i}"]`));

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

function writeHash() {
  const guessing = state.guessing ? "&guess=on" : "";
  try {
    history.replaceState(
      null,
      "",
      `#step=${state.step}&inputs=${state.inputs.join(",")}${guessing}`,
    );
  } catch {
    // In a frame without an address of its own, as in a notebook, there is none to write to.
  }
}

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  const step = Number(given.get("step") ?? 0);
  const inputs = (given.get("inputs") ?? "")
    .split(",")
    .map((text) => (text === "" ? NaN : Number(text)));
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
  };
  for (const [id, act] of Object.entries(onClick)) find(id).addEventListener("click", act);
  find("guessing").addEventListener("click", () => {
    state.guessing = !state.guessing;
    go(state.step === steps ? 0 : state.step);
    if (state.guessing) find("answer").focus();
  });
  find("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    const judged = judge(
      graph,
      study(graph, state.inputs),
      state.step,
      readGuess(find("answer").value),
    );
    if (judged.right) return go(state.step + 1);
    state.typed = find("answer").value;
    state.feedback = judged.text;
    return show();
  });
  find("stepper").addEventListener("keydown", (event) => {
    const keys = {
      ArrowRight: 1,
      ArrowDown: 1,
      ArrowLeft: -1,
      ArrowUp: -1,
      Home: -steps,
      End: steps,
    };
    // In the field, the arrow keys move the cursor.
    if (
      !(event.key in keys) ||
      event.target.id === "answer" ||
      event.altKey ||
      event.ctrlKey ||
      event.metaKey
    )
      return;
    event.preventDefault();
    go(state.step + keys[event.key]);
  });
  fields.forEach((field, i) => {
    field
      .querySelector(".slider")
      .addEventListener("input", (event) => move(i, event.target.valueAsNumber));
    field.querySelector(".exact").addEventListener("change", (event) => {
      move(i, readGuess(event.target.value));
      writeHash();
    });
    field.querySelector(".exact").addEventListener("blur", () => show());
    // At the end of a drag only, since browsers slow down those who change the address too often.
    field.querySelector(".slider").addEventListener("change", writeHash);
  });
  find("steps").addEventListener("toggle", () => show("polite"));
  find("reset").addEventListener("click", () => {
    state.inputs = [...start];
    go(state.step);
  });
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
