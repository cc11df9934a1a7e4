// Brings the picture to the state of a step: what is known so far, and what is being computed.

// Of each group that changes: its texts, how much room they have, where their middle is, and,
// where they stand on an edge, the box behind them.
const shapes = new Map();
const part = (place, suffix = "") => document.getElementById(`graph-v${place}${suffix}`);
const edge = (step) => part(step.place, step.position === 0 ? "_a" : "_b");
const numberOf = (element, name) => Number(element.getAttribute(name));
const rounded = (x, factor = 10) => Math.round(factor * x) / factor;

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function draw(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(element, attributes);
  return element;
}

// Once: texts are centred from now on, since their numbers will change, and what stands on an
// edge gets a box of its own to light up.
function preparePicture(graph) {
  for (let place = 0; place < graph.drawn; place += 1) {
    const box = part(place).querySelector(".box");
    const width = numberOf(box, "width");
    centre(part(place), numberOf(box, "x") + width / 2, width - 12);
  }
  for (const step of graph.steps) {
    if (step.kind !== "backward") continue;
    const group = edge(step);
    const [first] = group.querySelectorAll("text");
    const middle = numberOf(first, "x") + numberOf(first, "textLength") / 2;
    const texts = centre(group, middle, 102);
    const [top, bottom] = [first, texts.at(-1)].map((text) => numberOf(text, "y"));
    const across = { x: middle - 54, width: 108, y: top - 15, height: bottom - top + 21, rx: 6 };
    const pill = draw("rect", { class: "pill", ...across });
    group.insertBefore(pill, first);
    shapes.get(group).pill = pill;
    bridge(across);
  }
}

function centre(group, middle, room) {
  const texts = [...group.querySelectorAll("text")];
  for (const text of texts) {
    set(text, { x: rounded(middle), "text-anchor": "middle" });
    text.dataset.size = text.getAttribute("font-size");
    text.removeAttribute("textLength");
    text.removeAttribute("lengthAdjust");
  }
  shapes.set(group, { texts, middle, room });
  return texts;
}

// The lines to and from what stands on an edge are joined behind it, since a short text leaves
// most of its place empty.
function bridge({ x, y, width, height }) {
  const within = ([left, top]) =>
    left > x - 4 && left < x + width + 4 && top > y - 4 && top < y + height + 4;
  const ends = [...document.querySelectorAll("#graph .curve:not(.bridge)")].flatMap((curve) => {
    const written = curve.getAttribute("d").match(/-?[\d.]+,-?[\d.]+/g);
    const points = written.map((point) => point.split(",").map(Number));
    return [points[0], points.at(-1)].filter(within);
  });
  if (ends.length !== 2) return;
  const path = draw("path", { class: "curve bridge", d: `M${ends[0]}L${ends[1]}` });
  document.querySelector("#graph .paper").after(path);
}

// Texts as wide as Helvetica would make them on average; one that is wider is made smaller.
function write(group, line, parts) {
  const { texts, room } = shapes.get(group);
  const text = texts[line];
  const before = text.textContent;
  [...text.children].forEach((tspan, index) => {
    tspan.textContent = parts[index] ?? tspan.textContent;
  });
  if (text.textContent === before && text.dataset.fitted === "yes") return;
  text.dataset.fitted = "yes";
  const size = Number(text.dataset.size);
  const fitting = Math.min(1, room / (0.55 * size * text.textContent.length));
  text.setAttribute("font-size", rounded(size * Math.max(0.55, fitting), 100));
}

function showPicture(graph, study, count) {
  const known = graph.nodes.map((node) => node.operation === null);
  // What has reached each node: a sum, and its terms.
  const reached = [];
  graph.steps.slice(0, count).forEach((step, index) => {
    if (step.kind === "forward") known[step.place] = true;
    if (step.kind === "seed") reached[step.place] = { after: 1, terms: [1] };
    if (step.kind === "backward") reached[step.target] = study.applications[index];
  });
  const lines = [`Computation graph of ${graph.title}`];
  for (let place = 0; place < graph.drawn; place += 1) {
    const group = part(place);
    const { name, madeAt } = graph.nodes[place];
    const data = study.values[place];
    const gradient = reached[place]?.after;
    write(group, 0, [null, known[place] ? ` = ${readable(data)}` : ""]);
    write(group, 1, [null, readable(gradient)]);
    if (shapes.get(group).texts.length > 2) {
      const terms = reached[place]?.terms ?? [];
      write(group, 2, [terms.length > 1 ? writeTerms(terms) : ""]);
    }
    for (const shown of [group, part(place, "_operation")]) {
      shown?.classList.toggle("waiting", !known[place]);
    }
    const later = "not computed yet";
    group.querySelector("title").textContent =
      `${name}\ndata ${known[place] ? data : later}\ngrad ${gradient ?? later}${madeAt}`;
    const words = [known[place] ? readable(data) : later];
    words.push(reached[place] ? readable(gradient) : later);
    lines.push(`${name} = ${words.join(", gradient ")}`);
  }
  document.getElementById("graph-description").textContent = lines.join("\n");
  graph.steps.forEach((step, index) => {
    if (step.kind === "backward") showEdge(graph, study, index, index < count);
  });
  lightUp(graph, count);
}

function showEdge(graph, study, index, done) {
  const step = graph.steps[index];
  const group = edge(step);
  const { numbers, result, rule } = describe(graph, study, index);
  const [node, target] = [graph.nodes[step.place].name, graph.nodes[step.target].name];
  const lines = done ? [numbers, `= ${result}`] : [`∂${node}/∂${target}`, ""];
  lines.forEach((text, line) => write(group, line, [text]));
  group.classList.toggle("waiting", !done);
  const width = Math.min(108, 7.15 * Math.max(...lines.map((text) => text.length)) + 10);
  const { pill, middle } = shapes.get(group);
  set(pill, { x: rounded(middle - width / 2), width: rounded(width) });
  group.querySelector("title").textContent = done
    ? `${rule}\n${numbers} = ${result}`
    : "not computed yet";
}

function lightUp(graph, count) {
  for (const group of document.querySelectorAll("#graph .now, #graph .read")) {
    group.classList.remove("now", "read");
  }
  const step = graph.steps[count - 1];
  if (step === undefined) return;
  let [now, read] = [[part(step.place)], []];
  if (step.kind === "backward") {
    [now, read] = [[edge(step), part(step.target)], now];
  } else if (step.kind === "forward") {
    now.push(part(step.place, "_operation"));
    read = graph.nodes[step.place].slots.map((slot) => "place" in slot && part(slot.place));
  }
  for (const group of now) group.classList.add("now");
  for (const group of read) if (group) group.classList.add("read");
}

// Keep what happens in sight where the picture is wider than the screen.
function scrollToNow() {
  const frame = document.getElementById("picture");
  const now = frame.querySelector(".now");
  if (now === null || frame.scrollWidth <= frame.clientWidth) return;
  const [inner, outer] = [now.getBoundingClientRect(), frame.getBoundingClientRect()];
  frame.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}
