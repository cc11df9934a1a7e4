// Brings the picture to the state of a step: what is known so far, and what is being computed.

const part = (place, suffix = "") => document.getElementById(`graph-v${place}${suffix}`);
const edge = (step) => part(step.place, step.position === 0 ? "_a" : "_b");
const numberOf = (element, name) => Number(element.getAttribute(name));

// Once: texts are centred from now on, since their numbers will change.
function preparePicture() {
  const groups = "#graph g:is(.input, .value, .result, .flow)";
  for (const text of document.querySelectorAll(`${groups} text`)) {
    text.dataset.size = text.getAttribute("font-size");
    text.setAttribute("x", numberOf(text, "x") + numberOf(text, "textLength") / 2);
    text.setAttribute("text-anchor", "middle");
    text.removeAttribute("textLength");
  }
}

// Texts are taken to be as wide as Helvetica is on average. One that is wider than its box is made
// smaller; what stands on a line hides no more of it than it must.
function write(group, lines) {
  const box = group.querySelector(".box");
  const room = (box.dataset.width ??= numberOf(box, "width")) - 12;
  const texts = [...group.querySelectorAll("text")];
  const widths = texts.map((text, line) => {
    text.lastChild.textContent = lines[line];
    const width = 0.55 * text.textContent.length * text.dataset.size;
    const scale = Math.max(0.55, Math.min(1, room / width));
    text.setAttribute("font-size", (text.dataset.size * scale).toFixed(2));
    return width * scale;
  });
  if (!group.matches(".flow")) return;
  const width = Math.max(...widths) + 10;
  box.setAttribute("width", width);
  box.setAttribute("x", numberOf(texts[0], "x") - width / 2);
}

function showPicture(study, count) {
  const known = graph.nodes.map((node) => node.operation === null);
  // What has reached each node: a sum, and its terms.
  const reached = [];
  graph.steps.forEach((step, index) => {
    const done = index < count;
    if (step.kind === "backward") showEdge(study, index, done);
    if (!done) return;
    if (step.kind === "forward") known[step.place] = true;
    if (step.kind === "seed") reached[step.place] = { after: 1, terms: [1] };
    if (step.kind === "backward") reached[step.target] = study.applications[index];
  });
  const lines = [`Computation graph of ${graph.title}`];
  for (let place = 0; place <= graph.root; place += 1) {
    const group = part(place);
    const data = known[place] ? study.values[place] : null;
    const { after = null, terms = [] } = reached[place] ?? {};
    const sum = terms.length > 1 ? writeTerms(terms) : "";
    write(group, [data === null ? "" : ` = ${readable(data)}`, readable(after), sum]);
    for (const shown of [group, part(place, "_operation")])
      shown?.classList.toggle("waiting", data === null);
    const title = group.querySelector("title");
    const [name, , , ...madeAt] = title.textContent.split("\n");
    const later = "not computed yet";
    const told = [name, `data ${data ?? later}`, `grad ${after ?? later}`, ...madeAt];
    title.textContent = told.join("\n");
    const words = [data, after].map((number) => (number === null ? later : readable(number)));
    lines.push(`${name} = ${words.join(", gradient ")}`);
  }
  document.getElementById("graph-description").textContent = lines.join("\n");
  lightUp(count);
}

function showEdge(study, index, done) {
  const step = graph.steps[index];
  const group = edge(step);
  const { numbers, result, rule } = done ? describe(study, index) : {};
  write(group, done ? [numbers, `= ${result}`] : [localSlope(step), ""]);
  group.classList.toggle("waiting", !done);
  group.querySelector("title").textContent = done
    ? `${rule}\n${numbers} = ${result}`
    : "not computed yet";
}

function lightUp(count) {
  const step = graph.steps[count - 1];
  let [now, read] = [[part(step?.place)], []];
  if (step?.kind === "backward") [now, read] = [[edge(step), part(step.target)], now];
  if (step?.kind === "forward") {
    now.push(part(step.place, "_operation"));
    read = graph.nodes[step.place].slots.filter(Number.isInteger).map((place) => part(place));
  }
  for (const group of document.querySelectorAll("#graph g")) {
    group.classList.toggle("now", now.includes(group));
    group.classList.toggle("read", read.includes(group));
  }
}
