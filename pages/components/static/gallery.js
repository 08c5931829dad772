// A grid of pictures with their captions; arrow keys move, Enter or a click chooses.
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let grid = states.get(parentElement);
  if (!grid) {
    grid = document.createElement("ul");
    grid.className = "gallery";
    parentElement.append(grid);
    states.set(parentElement, grid);
    grid.addEventListener("keydown", (event) => onKey(grid, event));
  }
  grid.setAttribute("aria-label", data.label);
  grid.style.setProperty("--cell", `${data.cell}px`);
  grid.choose = (id) => { mark(grid, id); setTriggerValue("picked", id); };
  const known = new Map([...grid.children].map((node) => [node.dataset.print, node]));
  grid.replaceChildren(...data.items.map((item) => known.get(print(item)) || cell(grid, item)));
  mark(grid, data.chosen);
}

function print(item) {
  return JSON.stringify([item.id, item.title, item.lines, item.mark, item.src.length]);
}

function cell(grid, item) {
  const node = document.createElement("li");
  node.dataset.print = print(item);
  node.dataset.id = item.id;
  const button = document.createElement("button");
  button.type = "button";
  const frame = document.createElement("span");
  frame.className = "frame";
  if (item.src) {
    const image = document.createElement("img");
    image.src = item.src;
    image.alt = item.alt;
    image.decoding = "async";
    frame.append(image);
  } else {
    frame.append(line("none", item.alt));
  }
  button.append(frame);
  if (item.mark) button.append(line("mark", item.mark));
  button.append(line("title", item.title), ...item.lines.map((text) => line("line", text)));
  button.addEventListener("click", () => grid.choose(item.id));
  node.append(button);
  return node;
}

function line(kind, text) {
  const node = document.createElement("span");
  node.className = kind;
  node.textContent = text;
  return node;
}

function mark(grid, id) {
  for (const node of grid.children) {
    node.firstChild.setAttribute("aria-pressed", String(node.dataset.id === id));
  }
}

function onKey(grid, event) {
  const buttons = [...grid.querySelectorAll("button")];
  const at = buttons.indexOf(grid.getRootNode().activeElement);
  if (at < 0) return;
  const top = buttons[0].offsetTop;
  const columns = Math.max(1, buttons.filter((b) => Math.abs(b.offsetTop - top) < 4).length);
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const next = buttons[at + (moves[event.key] || 0)];
  if (!moves[event.key] || !next) return;
  event.preventDefault();
  next.focus();
}
