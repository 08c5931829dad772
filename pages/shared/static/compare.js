// Two pictures laid over each other, pixel for pixel. Works by mouse, touch and keyboard; shows PNG data as it is.
const MODES = ["slider", "side", "difference", "blink"];
const OVERLAYS = ["heat", "mask"];
const states = new WeakMap();

export default function ({ data, parentElement }) {
  let view = states.get(parentElement);
  if (!view) {
    view = build(parentElement, data.words);
    states.set(parentElement, view);
  }
  load(view, data);
  return () => view.stop();
}

function make(tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

function build(parent, words) {
  const root = make("div", { class: "compare" });
  const bar = make("div", { class: "bar", role: "toolbar", "aria-label": words.toolbar });
  const canvas = make("canvas", { role: "img", tabindex: "0", "aria-label": words.picture });
  const range = make("input", { type: "range", min: "0", max: "1000", value: "500", "aria-label": words.divider });
  const legend = make("div", { class: "legend" });
  const hint = make("p", { class: "hint" });
  const view = { root, bar, canvas, range, legend, hint, words, mode: "slider", divider: 0.5, zoom: 1, x: 0.5, y: 0.5,
                 overlay: "", over: {}, gain: 4, showB: false, timer: 0, images: [], stop };
  view.buttons = MODES.map((mode) => button(view, words[mode], () => setMode(view, mode)));
  bar.append(...view.buttons);
  const zooms = make("div", { class: "zooms" });  // one row, whatever the width
  zooms.append(button(view, "−", () => zoom(view, 1 / 2), words.out), button(view, "+", () => zoom(view, 2), words.in),
               button(view, words.fit, () => { view.zoom = 1; view.x = view.y = 0.5; draw(view); }));
  bar.append(zooms);
  view.covers = OVERLAYS.map((kind) => button(view, words[kind], () => cover(view, kind)));
  bar.append(...view.covers);
  root.append(canvas, range, legend, bar, hint);
  parent.append(root);
  range.addEventListener("input", () => { view.divider = range.value / 1000; draw(view); });
  canvas.addEventListener("keydown", (event) => onKey(view, event));
  pointer(view);
  const watcher = new ResizeObserver(() => draw(view));
  watcher.observe(root);
  function stop() { clearInterval(view.timer); }
  return view;
}

function button(view, label, act, name = "") {
  const node = make("button", { type: "button", "aria-pressed": "false" }, label);
  if (name) { node.setAttribute("aria-label", name); node.title = name; node.removeAttribute("aria-pressed"); }
  node.addEventListener("click", act);
  return node;
}

async function load(view, data) {
  const wanted = data.first.src + data.second.src + (data.heat || "") + (data.mask || "");
  view.data = data;
  if (view.mode === "blink") blink(view);
  if (view.wanted === wanted) return draw(view);
  view.wanted = wanted;
  const sources = [data.first.src, data.second.src, data.heat, data.mask];
  const [a, b, heat, mask] = await Promise.all(sources.map((src) => (src ? decode(src) : null)));
  if (view.wanted !== wanted) return;
  view.images = [a, b];
  view.over = { heat, mask };
  view.difference = null;
  view.covers.forEach((node, i) => { node.hidden = !view.over[OVERLAYS[i]]; });
  const keys = OVERLAYS.filter((kind) => view.over[kind]).map((kind) => view.words[`${kind}_key`]);
  view.hint.textContent = `${[view.words.keys, ...keys].join(", ")}.`;
  view.canvas.setAttribute("aria-label", `${view.words.picture}: ${data.first.label} / ${data.second.label}`);
  draw(view);
}

function decode(src) {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = failed;
    image.src = src;
  });
}

function setMode(view, mode) {
  view.mode = mode;
  clearInterval(view.timer);
  if (mode === "blink") {
    view.showB = !view.showB;
    blink(view);
  }
  draw(view);
}

function cover(view, kind) {
  view.overlay = view.overlay === kind || !view.over[kind] ? "" : kind;
  draw(view);
}

function blink(view) {  // by itself, unless the person asked their system for less motion: then a press at a time
  clearInterval(view.timer);
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  view.timer = setInterval(() => { view.showB = !view.showB; draw(view); }, 700);
}

function zoom(view, factor) {
  const most = Math.max(4, view.images[0] ? view.images[0].naturalWidth / 4 : 16);
  view.zoom = Math.min(most, Math.max(1, view.zoom * factor));
  keepInside(view);
  draw(view);
}

function keepInside(view) {
  const half = 0.5 / view.zoom;
  view.x = Math.min(1 - half, Math.max(half, view.x));
  view.y = Math.min(1 - half, Math.max(half, view.y));
}

function onKey(view, event) {
  const step = 0.25 / view.zoom;
  const acts = {
    ArrowLeft: () => (view.zoom > 1 ? (view.x -= step) : (view.divider -= 0.02)),
    ArrowRight: () => (view.zoom > 1 ? (view.x += step) : (view.divider += 0.02)),
    ArrowUp: () => (view.y -= step),
    ArrowDown: () => (view.y += step),
    "+": () => zoom(view, 2), "=": () => zoom(view, 2), "-": () => zoom(view, 0.5),
    s: () => setMode(view, "slider"), p: () => setMode(view, "side"), d: () => setMode(view, "difference"),
    b: () => setMode(view, "blink"), h: () => cover(view, "heat"), m: () => cover(view, "mask"),
  };
  if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  acts[event.key]();
  view.divider = Math.min(1, Math.max(0, view.divider));
  keepInside(view);
  view.range.value = String(Math.round(view.divider * 1000));
  event.preventDefault();
  draw(view);
}

function pointer(view) {
  let last = null;
  const { canvas } = view;
  canvas.addEventListener("pointerdown", (event) => {
    last = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (last) move(event); });
  canvas.addEventListener("pointerup", () => { last = null; });
  canvas.addEventListener("pointercancel", () => { last = null; });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && view.zoom === 1) return;  // plain scrolling goes on to the page
    event.preventDefault();
    zoom(view, event.deltaY < 0 ? 2 : 0.5);
  }, { passive: false });
  function move(event) {
    const box = canvas.getBoundingClientRect();
    const width = view.mode === "side" ? box.width / 2 : box.width;
    if (view.mode === "slider" && view.zoom === 1) {
      view.divider = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      view.range.value = String(Math.round(view.divider * 1000));
    } else {
      view.x -= (event.clientX - last[0]) / (width * view.zoom);
      view.y -= (event.clientY - last[1]) / (box.height * view.zoom);
      keepInside(view);
    }
    last = [event.clientX, event.clientY];
    draw(view);
  }
}

function draw(view) {
  const [a, b] = view.images;
  view.buttons.forEach((node, i) => node.setAttribute("aria-pressed", String(MODES[i] === view.mode)));
  view.covers.forEach((node, i) => node.setAttribute("aria-pressed", String(OVERLAYS[i] === view.overlay)));
  view.range.hidden = view.mode !== "slider";
  if (!a || !b) return;
  const side = view.mode === "side";
  const room = Math.max(200, view.root.clientWidth);
  const each = Math.min(side ? (room - 8) / 2 : room, view.data.widest);
  const height = each * a.naturalHeight / a.naturalWidth;
  const dots = window.devicePixelRatio || 1;
  const total = side ? each * 2 + 8 : each;
  view.canvas.width = Math.round(total * dots);
  view.canvas.height = Math.round(height * dots);
  view.canvas.style.width = `${total}px`;
  view.canvas.style.height = `${height}px`;
  view.range.style.width = `${total}px`;
  view.legend.style.width = `${total}px`;
  const pen = view.canvas.getContext("2d");
  pen.scale(dots, dots);
  const box = { pen, each, height, view };
  if (side) {
    lay(box, a, 0);
    lay(box, b, each + 8);
  } else if (view.mode === "difference") {
    lay(box, difference(view, a, b), 0);
  } else if (view.mode === "blink") {
    lay(box, view.showB ? b : a, 0);
  } else {
    lay(box, a, 0);
    const cut = each * view.divider;
    pen.save();
    pen.beginPath();
    pen.rect(cut, 0, each - cut, height);
    pen.clip();
    lay(box, b, 0);
    pen.restore();
    divider(pen, cut, height);
  }
  const over = view.over[view.overlay];
  if (over) lay(box, over, side ? each + 8 : 0, view.overlay === "heat" ? 0.55 : 1);
  legend(view);
}

function lay({ pen, each, height, view }, image, left, alpha = 1) {
  const w = image.naturalWidth || image.width, h = image.naturalHeight || image.height;
  const sw = w / view.zoom, sh = h / view.zoom;
  pen.save();
  pen.globalAlpha = alpha;
  pen.beginPath();
  pen.rect(left, 0, each, height);
  pen.clip();
  pen.imageSmoothingEnabled = each * (window.devicePixelRatio || 1) < sw;  // single pixels stay square
  pen.drawImage(image, view.x * w - sw / 2, view.y * h - sh / 2, sw, sh, left, 0, each, height);
  pen.restore();
}

function divider(pen, cut, height) {
  pen.fillStyle = "#000";
  pen.fillRect(cut - 2, 0, 4, height);
  pen.fillStyle = "#fff";
  pen.fillRect(cut - 1, 0, 2, height);
  pen.beginPath();
  pen.arc(cut, height / 2, 11, 0, 2 * Math.PI);
  pen.fill();
  pen.strokeStyle = "#000";
  pen.stroke();
}

function difference(view, a, b) {
  if (view.difference) return view.difference;
  const w = a.naturalWidth, h = a.naturalHeight;
  const [left, right] = [a, b].map((image) => {
    const canvas = make("canvas");
    canvas.width = w;
    canvas.height = h;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, w, h);
    return { canvas, pen, bits: pen.getImageData(0, 0, w, h) };
  });
  const one = left.bits.data, two = right.bits.data;
  for (let i = 0; i < one.length; i += 4) {
    for (let c = 0; c < 3; c += 1) one[i + c] = Math.min(255, view.gain * Math.abs(one[i + c] - two[i + c]));
  }
  left.pen.putImageData(left.bits, 0, 0);
  view.difference = left.canvas;
  return left.canvas;
}

function legend(view) {
  const { first, second } = view.data;
  const texts = {
    slider: [`◧ ${first.label}`, `${second.label} ◨`], side: [first.label, second.label],
    difference: [view.words.gain, ""], blink: [view.showB ? second.label : first.label, ""],
  }[view.mode];
  const told = view.over[view.overlay] ? [view.words[`${view.overlay}_text`], ""] : texts;
  view.legend.replaceChildren(...told.map((text) => make("span", {}, text)));
}
