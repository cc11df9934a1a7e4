// Brings the picture to the state of a step: what is known so far, and what is being computed.

const part = (place, suffix = "") => document.getElementById(`graph-v${place}${suffix}`);
const textsOf = new Map();
const edge = (step) => part(step.place, step.position === 0 ? "_a" : "_b");

// Once: texts are centred from now on, since their numbers will change, and what stands on an
// edge gets a box of its own to light up.
function preparePicture(graph) {
  for (let place = 0; place < graph.drawn; place += 1) {
    centre(part(place), true);
  }
  for (const step of graph.steps) {
    if (step.kind === "backward") centre(edge(step), false);
  }
}

function centre(group, boxed) {
  const texts = [...group.querySelectorAll("text")];
  textsOf.set(group, texts);
  const box = group.querySelector(".box");
  const of = (element, name) => Number(element.getAttribute(name));
  const middle = boxed
    ? of(box, "x") + of(box, "width") / 2
    : of(texts[0], "x") + of(texts[0], "textLength") / 2;
  for (const text of texts) {
    text.setAttribute("x", String(Math.round(10 * middle) / 10));
    text.setAttribute("text-anchor", "middle");
    text.dataset.size = text.getAttribute("font-size");
    text.removeAttribute("textLength");
    text.removeAttribute("lengthAdjust");
  }
  group.dataset.room = boxed ? String(of(box, "width") - 12) : "102";
  if (!boxed) {
    const pill = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const [top, bottom] = [texts[0], texts.at(-1)].map((text) => of(text, "y"));
    pill.setAttribute("class", "pill");
    pill.setAttribute("x", String(middle - 54));
    pill.setAttribute("width", "108");
    pill.setAttribute("y", String(top - 15));
    pill.setAttribute("height", String(bottom - top + 21));
    pill.setAttribute("rx", "6");
    group.insertBefore(pill, texts[0]);
    group.dataset.middle = String(middle);
    bridge(pill);
  }
}

// The lines to and from what stands on an edge are joined behind it, since a short text leaves
// most of its place empty.
function bridge(pill) {
  const of = (name) => Number(pill.getAttribute(name));
  const within = ([x, y]) =>
    x > of("x") - 4 &&
    x < of("x") + of("width") + 4 &&
    y > of("y") - 4 &&
    y < of("y") + of("height") + 4;
  const ends = [...document.querySelectorAll("#graph .curve:not(.bridge)")].flatMap((curve) => {
    const points = curve
      .getAttribute("d")
      .match(/-?[\d.]+,-?[\d.]+/g)
      .map((point) => point.split(",").map(Number));
    return [points[0], points.at(-1)].filter(within);
  });
  if (ends.length !== 2) return;
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("class", "curve bridge");
  path.setAttribute("d", `M${ends[0]}L${ends[1]}`);
  document.querySelector("#graph .paper").after(path);
}

// Texts as wide as Helvetica would make them on average; one that is wider is made smaller.
function write(group, line, parts) {
  const text = textsOf.get(group)[line];
  const before = text.textContent;
  [...text.children].forEach((tspan, index) => {
    tspan.textContent = parts[index] ?? tspan.textContent;
  });
  if (text.textContent === before && text.dataset.fitted === "yes") return;
  text.dataset.fitted = "yes";
  const size = Number(text.dataset.size);
  const fitting = Math.min(1, Number(group.dataset.room) / (0.55 * size * text.textContent.length));
  text.setAttribute("font-size", String(Math.round(100 * size * Math.max(0.55, fitting)) / 100));
}

function fitPill(group, letters) {
  const width = Math.min(108, 7.15 * letters + 10);
  const pill = group.querySelector(".pill");
  pill.setAttribute("x", String(Math.round(10 * (Number(group.dataset.middle) - width / 2)) / 10));
  pill.setAttribute("width", String(Math.round(10 * width) / 10));
}

function showPicture(graph, study, count) {
  const known = new Set();
  const flows = new Map();
  const root = graph.root;
  graph.nodes.forEach((node, place) => node.operation === null && known.add(place));
  graph.steps.slice(0, count).forEach((step, index) => {
    if (step.kind === "forward") known.add(step.place);
    if (step.kind === "seed") flows.set(root, [1]);
    if (step.kind === "backward") {
      flows.set(step.target, [...(flows.get(step.target) ?? []), study.applications[index].flow]);
    }
  });
  for (let place = 0; place < graph.drawn; place += 1) {
    const group = part(place);
    const reached = flows.get(place);
    const gradient = reached && reached.reduce((sum, flow) => sum + flow, 0);
    write(group, 0, [null, known.has(place) ? ` = ${readable(study.values[place])}` : ""]);
    write(group, 1, [null, readable(gradient)]);
    if (textsOf.get(group).length > 2) {
      write(group, 2, [reached && reached.length > 1 ? writeTerms(reached) : ""]);
    }
    group.classList.toggle("waiting", !known.has(place));
    const exact = [
      known.has(place) ? String(study.values[place]) : "not computed yet",
      gradient ?? "not computed yet",
    ];
    group.querySelector("title").textContent =
      `${graph.nodes[place].name}\ndata ${exact[0]}\ngrad ${exact[1]}`;
    part(place, "_operation")?.classList.toggle("waiting", !known.has(place));
  }
  graph.steps.forEach((step, index) => {
    if (step.kind !== "backward") return;
    const group = edge(step);
    const { numbers, result, rule } = describe(graph, study, index);
    const done = index < count;
    const [node, target] = [graph.nodes[step.place].name, graph.nodes[step.target].name];
    const lines = done ? [numbers, `= ${result}`] : [`∂${node}/∂${target}`, ""];
    lines.forEach((text, line) => write(group, line, [text]));
    group.classList.toggle("waiting", !done);
    fitPill(group, Math.max(...lines.map((text) => text.length)));
    group.querySelector("title").textContent = done
      ? `${rule}\n${numbers} = ${result}`
      : "not computed yet";
  });
  lightUp(graph, count);
  document.getElementById("graph-description").textContent = inWords(graph, study, known, flows);
}

function lightUp(graph, count) {
  for (const group of document.querySelectorAll("#graph .now, #graph .read")) {
    group.classList.remove("now", "read");
  }
  const step = graph.steps[count - 1];
  if (step === undefined) return;
  if (step.kind === "backward") {
    edge(step).classList.add("now");
    part(step.target).classList.add("now");
    part(step.place).classList.add("read");
    return;
  }
  part(step.place).classList.add("now");
  if (step.kind === "seed") return;
  part(step.place, "_operation")?.classList.add("now");
  graph.nodes[step.place].slots.forEach(
    (slot) => "place" in slot && part(slot.place).classList.add("read"),
  );
}

function inWords(graph, study, known, flows) {
  const lines = graph.nodes.slice(0, graph.drawn).map((node, place) => {
    const data = known.has(place) ? readable(study.values[place]) : "not computed yet";
    const reached = flows.get(place);
    const gradient = reached
      ? readable(reached.reduce((sum, flow) => sum + flow, 0))
      : "not computed yet";
    return `${node.name} = ${data}, gradient ${gradient}`;
  });
  return [`Computation graph of ${graph.title}`, ...lines].join("\n");
}

// Keep what happens in sight where the picture is wider than the screen.
function scrollToNow() {
  const frame = document.getElementById("picture");
  const now = frame.querySelector(".now");
  if (now === null || frame.scrollWidth <= frame.clientWidth) return;
  const [inner, outer] = [now.getBoundingClientRect(), frame.getBoundingClientRect()];
  frame.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}
