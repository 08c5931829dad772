// A picture on which a part is marked by dragging; the sliders beside it do the same by keyboard.
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let view = states.get(parentElement);
  if (!view) {
    view = build();
    parentElement.append(view.page);
    states.set(parentElement, view);
  }
  view.send = (box) => setTriggerValue("box", box);
  if (view.image.src !== data.src) view.image.src = data.src;
  view.image.alt = data.alt;
  if (!view.from) place(view, data.box);
}

function build() {
  const page = document.createElement("div");
  page.className = "region";
  const image = document.createElement("img");
  image.draggable = false;
  const frame = document.createElement("span");
  frame.className = "marked";
  frame.setAttribute("aria-hidden", "true");
  page.append(image, frame);
  const view = { page, image, frame, from: null, box: [0, 0, 1, 1], send: () => {} };
  page.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    page.setPointerCapture(event.pointerId);
    view.from = at(page, event);
  });
  page.addEventListener("pointermove", (event) => {
    if (view.from) place(view, between(view.from, at(page, event)));
  });
  page.addEventListener("pointerup", (event) => {
    if (!view.from) return;
    const box = between(view.from, at(page, event));
    view.from = null;
    const small = box[2] - box[0] < 0.02 || box[3] - box[1] < 0.02;
    place(view, small ? [0, 0, 1, 1] : box);
    view.send(view.box);
  });
  page.addEventListener("pointercancel", () => { view.from = null; });
  return view;
}

function at(page, event) {
  const edge = page.getBoundingClientRect();
  const share = (value, size) => Math.min(1, Math.max(0, value / size));
  return [share(event.clientX - edge.left, edge.width), share(event.clientY - edge.top, edge.height)];
}

function between(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

function place(view, box) {
  view.box = box;
  const [left, top, right, bottom] = box.map((share) => share * 100);
  Object.assign(view.frame.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`,
    height: `${bottom - top}%` });
}
