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
