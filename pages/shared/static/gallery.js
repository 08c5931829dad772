// A grid of pictures with their captions; arrow keys move, Enter or a click chooses. Where `data.several` is
// true each click adds a picture to the selection or takes it out, Shift also those between the last and this.
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
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
  grid.classList.toggle("several", data.several);
  grid.choose = data.several ? (id, reach) => setStateValue("selected", toggle(grid, id, reach))
    : (id) => { mark(grid, [id]); setTriggerValue("picked", id); };
  const known = new Map(cells(grid).map((node) => [node.dataset.print, node]));
  grid.replaceChildren(...data.items.flatMap((item) => [
    ...(item.above ? [line("above", item.above, "li")] : []), known.get(print(item)) || cell(grid, item)]));
  mark(grid, data.several ? data.selected : [data.chosen]);
}

function cells(grid) {
  return [...grid.children].filter((node) => node.dataset.id);
}

function toggle(grid, id, reach) {
  const ids = cells(grid).map((node) => node.dataset.id);
  const at = ids.indexOf(id), last = ids.indexOf(grid.last);
  const on = !grid.selected.has(id);
  const touched = reach && last >= 0 ? ids.slice(Math.min(at, last), Math.max(at, last) + 1) : [id];
  for (const one of touched) on ? grid.selected.add(one) : grid.selected.delete(one);
  grid.last = id;
  const selected = ids.filter((one) => grid.selected.has(one));
  mark(grid, selected);
  return selected;
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
  button.addEventListener("click", (event) => grid.choose(item.id, event.shiftKey));
  node.append(button);
  return node;
}

function line(kind, text, tag = "span") {
  const node = document.createElement(tag);
  node.className = kind;
  node.textContent = text;
  return node;
}

function mark(grid, ids) {
  grid.selected = new Set(ids);
  for (const node of cells(grid)) {
    node.firstChild.setAttribute("aria-pressed", String(grid.selected.has(node.dataset.id)));
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
