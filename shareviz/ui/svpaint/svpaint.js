// Painting on the map: click, drag, tap or Space. A stroke goes to Python as one trigger, when it ends.
const HOLD = 500; // ms of a long press
const SLIP = 10; // px that a finger may move and still tap

function edit(root, given, signal, send) {
  root.setAttribute("aria-label", "Sharing map to paint on. Arrow keys move, 1 to 9 choose a brush, Space paints, P takes the brush from a cell.");
  root.__brush = current(root.__brush, given);
  brushes(root, given, signal);
  root.__pick = (one) => take(root, given, one, signal);
  pointers(root, signal, send);
  root.addEventListener("click", (event) => {
    const one = event.target.closest?.(".cell");
    if (one?.__at && event.detail === 0) end(root, [one], send); // Space, Enter, a screen reader
  }, { signal });
  root.addEventListener("keydown", (event) => keys(root, given, event, send), { signal });
}

// The brush of before, found again among those of now: by the layers that it stood for.
function current(brush, given) {
  if (!brush) return given.brushes.length ? { kind: "own" } : { kind: "new" };
  if (!brush.layers) return brush;
  const common = (other) => (other.stack === brush.stack ? other.layers.filter((n) => brush.layers.includes(n)).length : 0);
  const best = [...given.brushes].sort((a, b) => common(b) - common(a))[0];
  if (best && common(best)) return like(best, brush.columns);
  return { ...brush, id: undefined };
}

function like(brush, columns = []) {
  return { kind: "like", id: brush.id, stack: brush.stack, layers: brush.layers, columns };
}

function chosen(brush, key) {
  return brush.id ? key === brush.id : key === (brush.kind === "like" ? "like" : brush.kind);
}

function brushes(root, given, signal) {
  let bar = root.querySelector(".brushes");
  if (!bar) {
    bar = make("div", "brushes");
    bar.setAttribute("role", "radiogroup");
    bar.setAttribute("aria-label", "Brush");
    root.prepend(bar);
  }
  const brush = root.__brush;
  const offers = given.brushes.map((one) => [one.id, one.id, one.title, () => like(one)]);
  if (brush.kind === "like" && !brush.id) offers.push(["like", brush.title, "What this layer reads", () => brush]);
  offers.push(["new", "new", "One new row for all cells of a stroke", () => ({ kind: "new" })]);
  offers.push(["own", "own", "Each cell its own tensor", () => ({ kind: "own" })]);
  root.__offers = offers;
  bar.replaceChildren(make("span", "lead", "Brush"), ...offers.map(([key, text, title], n) => {
    const one = make("button", "chip", text);
    one.type = "button";
    one.setAttribute("role", "radio");
    one.setAttribute("aria-checked", chosen(brush, key));
    one.title = n < 9 ? `${title} (key ${n + 1})` : title;
    one.dataset.brush = key;
    if (key === text && /^S\d+$/.test(key)) {
      one.dataset.set = key;
      bus.paint(one, key);
    }
    one.addEventListener("click", () => choose(root, given, n), { signal });
    return one;
  }));
}

function choose(root, given, n) {
  const offer = root.__offers[n];
  if (!offer) return;
  root.__brush = offer[3]();
  show(root);
}

function show(root) {
  for (const one of root.querySelectorAll(".chip")) one.setAttribute("aria-checked", chosen(root.__brush, one.dataset.brush));
}

// Takes the brush from a cell: its set, or the layer where it has its own.
function take(root, given, one, signal) {
  const [stack, position, columns] = one.__at;
  const known = given.brushes.find((brush) => brush.id === one.dataset.set);
  root.__brush = known
    ? like({ ...known, layers: [position, ...known.layers.filter((n) => n !== position)] }, columns)
    : { kind: "like", title: `as ${one.__tip[0].split(" · ")[0]}`, stack, layers: [position], columns };
  brushes(root, given, signal);
}

function cellAt(root, x, y) {
  const one = root.getRootNode().elementFromPoint(x, y)?.closest?.(".cell");
  return one?.__at ? one : null;
}

function pointers(root, signal, send) {
  const drop = () => {
    clearTimeout(root.__stroke?.timer);
    for (const one of root.querySelectorAll(".wet")) one.classList.remove("wet");
    root.__stroke = null;
    root.classList.remove("stroking");
  };
  const add = (stroke, one) => {
    if (!one || stroke.cells.includes(one)) return;
    stroke.cells.push(one);
    one.classList.add("wet");
  };
  root.addEventListener("pointerdown", (event) => {
    const one = event.target.closest?.(".cell");
    if (!one?.__at || event.button) return;
    if (event.altKey) return root.__pick(one);
    const finger = event.pointerType === "touch";
    const stroke = (root.__stroke = { cells: [], finger, from: [event.clientX, event.clientY] });
    stroke.last = stroke.from;
    root.classList.add("stroking");
    add(stroke, one);
    if (finger) stroke.timer = setTimeout(() => { drop(); root.__pick(one); }, HOLD);
  }, { signal });
  window.addEventListener("pointermove", (event) => {
    const stroke = root.__stroke;
    if (!stroke) return;
    const [x, y] = [event.clientX, event.clientY];
    if (stroke.finger) return Math.hypot(x - stroke.from[0], y - stroke.from[1]) > SLIP && drop();
    const [x0, y0] = stroke.last;
    const steps = Math.max(1, Math.ceil(Math.hypot(x - x0, y - y0) / 6)); // a fast pointer leaves no gaps
    for (let n = 1; n <= steps; n++) add(stroke, cellAt(root, x0 + ((x - x0) * n) / steps, y0 + ((y - y0) * n) / steps));
    stroke.last = [x, y];
  }, { signal });
  window.addEventListener("pointerup", () => {
    const cells = root.__stroke?.cells;
    drop();
    if (cells) end(root, cells, send);
  }, { signal });
  window.addEventListener("pointercancel", drop, { signal });
  root.addEventListener("contextmenu", (event) => event.target.closest?.(".cell") && event.preventDefault(), { signal });
}

function end(root, cells, send) {
  const brush = root.__brush;
  const places = cells.map((one) => one.__at);
  const from = brush.layers ? [brush.stack, brush.layers[0], brush.columns] : null;
  send("painted", { cells: places, brush: { kind: brush.kind, like: from } });
  // what a new row has painted is what it paints next
  if (brush.kind === "new" && !brush.layers) {
    const stack = places[0][0];
    root.__brush = { kind: "new", stack, layers: [...new Set(places.filter((p) => p[0] === stack).map((p) => p[1]))], columns: [] };
  }
}

function keys(root, given, event, send) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const step = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : "";
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    return send("stepped", step);
  }
  if (event.altKey) return;
  const one = event.target.closest?.(".cell");
  const named = root.__offers.findIndex(([name]) => name[0] === key && "no".includes(key));
  const n = /^[1-9]$/.test(key) ? Number(key) - 1 : named;
  if (n >= 0) choose(root, given, n);
  else if (key === "p" && one?.__at) root.__pick(one);
  else return;
  event.stopPropagation(); // Streamlit has keys of its own
}
