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
