export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".graph");
  const stage = root.querySelector(".stage");
  const fresh = root.__sig !== data.sig; // the same picture keeps its place and zoom
  if (fresh) {
    root.__sig = data.sig;
    stage.innerHTML = data.svg;
    // a picture hides what is in it from a screen reader, and the signs are buttons
    if (stage.querySelector("[data-fold], .box[data-set]")) stage.querySelector("svg").setAttribute("role", "group");
    root.__view = { x: 0, y: 0, k: 1, touched: false };
  }
  const light = (id) => mark(root, id);
  const signal = bus.listen(root, data.selected, light);
  const pick = (id) => bus.pick(root, id, setTriggerValue);
  point(stage, signal);
  move(root, stage, signal, pick);
  zoom(root, stage, signal);
  keys(root, stage, signal, pick);
  full(root, signal);
  const watch = new ResizeObserver(() => { if (!root.__view.touched) fit(root); });
  watch.observe(stage.parentElement);
  signal.addEventListener("abort", () => watch.disconnect());
  if (root.__view.touched) place(root); else fit(root);
  if (fresh) stay(root, stage);
  folds(root, stage, signal, setTriggerValue);
  chips(root, stage, signal, data.sets ?? {}, pick);
  seek(root, stage, data.found);
}

// After a box was opened, it stands where it stood before, and the keyboard goes on there.
function stay(root, stage) {
  const was = root.__fold;
  root.__fold = null;
  const one = was?.id ? stage.querySelector(`#${was.id}`) : stage.querySelector(`.box [data-fold="${was?.mark}"]`)?.closest(".box");
  if (!one) return;
  const box = one.getBoundingClientRect(), frame = stage.getBoundingClientRect();
  const top = Math.min(Math.max(was.top, 8), stage.clientHeight - 48);
  shift(root, 0, top - (box.top - frame.top));
  const gap = root.__view.y - (root.querySelector("dialog").open ? ABOVE : 0);
  if (gap > 0) shift(root, 0, -gap); // no gap above the picture
  if (was.keys) (one.querySelector("[data-fold]") ?? stage).focus({ preventScroll: true });
}

// A sign opens or closes its box: by click, Enter or Space.
function folds(root, stage, signal, setTriggerValue) {
  const turn = (sign, keys) => {
    const stack = sign.dataset.fold.match(/^-(\d+)$/)?.[1];
    // a frame goes when it is closed; the first box of its stack stays
    const first = stack && stage.querySelector(`[data-fold^="s${stack}."], [data-fold^="t${stack}."]`);
    const top = sign.getBoundingClientRect().top - stage.getBoundingClientRect().top - 8;
    root.__fold = { id: (first || sign).closest(".box")?.id, mark: sign.dataset.fold, top, keys };
    setTriggerValue("folded", sign.dataset.fold);
  };
  for (const sign of stage.querySelectorAll("[data-fold]")) {
    sign.addEventListener("click", (event) => { if (root.__moved) return; event.stopPropagation(); turn(sign, false); }, { signal });
    sign.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      turn(sign, true);
    }, { signal });
    sign.addEventListener("focus", () => sign.matches(":focus-visible") && show(root, stage, sign), { signal });
  }
}

// The chip of each set in a box is a button for the keyboard: focus lights it, Enter or Space keeps it lit.
function chips(root, stage, signal, sets, pick) {
  const last = (id) => stage.querySelectorAll(".chip").forEach((chip) => chip.setAttribute("aria-pressed", String(chip.dataset.set === id)));
  for (const box of stage.querySelectorAll(".box")) {
    const known = new Set();
    const title = box.querySelector("title")?.textContent ?? "";
    for (const chip of box.querySelectorAll(":scope > :not(text)[data-set], :scope > a > :not(text)[data-set]")) {
      const id = chip.dataset.set;
      if (known.has(id)) continue;
      known.add(id);
      chip.classList.add("chip");
      chip.setAttribute("tabindex", "0");
      chip.setAttribute("role", "button");
      chip.setAttribute("aria-label", [id, sets[id], `in ${title.split(":")[0]}`].filter(Boolean).join(", "));
      chip.addEventListener("focus", () => { if (!chip.matches(":focus-visible")) return; bus.say(id); show(root, stage, chip); }, { signal });
      chip.addEventListener("blur", () => bus.say(null), { signal });
      chip.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        pick(id);
      }, { signal });
    }
  }
  last(root.__kept);
}

// Brings an element into sight where it is out of it; the stage clips, so the browser must not scroll it.
function show(root, stage, one) {
  stage.scrollTo(0, 0);
  const box = one.getBoundingClientRect(), frame = stage.getBoundingClientRect();
  const by = (low, high, from, to) => (low < from ? from - low + 12 : high > to ? to - high - 12 : 0);
  const dx = by(box.left, box.right, frame.left, frame.right);
  const dy = by(box.top, box.bottom, frame.top, frame.bottom);
  if (dx || dy) shift(root, dx, dy);
}

// What a search found stands out; a new search shows its first hit.
function seek(root, stage, found) {
  root.classList.toggle("seek", Boolean(found?.length)); // nothing found dims nothing
  const ids = new Set(found ?? []);
  let first = null;
  for (const box of stage.querySelectorAll(".box")) {
    box.classList.toggle("hit", ids.has(box.id));
    first ??= ids.has(box.id) ? box : null;
  }
  // a tie is lit where every box of its sets is
  const torn = new Set([...stage.querySelectorAll(".box[data-set]:not(.hit)")].flatMap((box) => box.dataset.set.split(" ")));
  for (const tie of stage.querySelectorAll(".tie, .hub")) tie.classList.toggle("hit", !tie.dataset.set.split(" ").some((id) => torn.has(id)));
  const asked = JSON.stringify(found ?? null);
  if (first && root.__asked !== asked) show(root, stage, first);
  root.__asked = asked;
}

// A box may show several sets, so "on" is asked of each of its ids.
function mark(root, id) {
  root.classList.toggle("dim", Boolean(id));
  for (const one of root.querySelectorAll("[data-set]")) one.classList.toggle("on", one.dataset.set.split(" ").includes(id));
}

// The set under the pointer: that of a chip, or of a box that shows one set only.
function setAt(target) {
  for (let one = target.closest?.("[data-set]"); one; one = one.parentElement?.closest("[data-set]")) {
    if (!one.dataset.set.includes(" ")) return one.dataset.set;
  }
  return null;
}

function point(stage, signal) {
  let last = null;
  const say = (id) => { if (id !== last) bus.say((last = id)); };
  stage.addEventListener("pointerover", (e) => e.pointerType === "mouse" && say(setAt(e.target)), { signal });
  stage.addEventListener("pointerleave", (e) => e.pointerType === "mouse" && say(null), { signal });
}

function size(root) {
  const box = root.querySelector(".stage > svg").viewBox.baseVal;
  return [box.width, box.height];
}

const MOST = 800; // px; a taller picture shrinks a little, then is cut there and dragged: the table stays near
const SMALLEST = 0.8;

const READABLE = 1; // the smallest text of a picture is 11 px

const ABOVE = 60, BELOW = 72; // px; full screen, the buttons stand there

const LARGEST = 1.15; // a small picture grows a little to fill its card

// Inline: as wide as the card. Full screen, or asked for: all of it.
function fit(root, whole = false) {
  const stage = root.querySelector(".stage");
  const [w, h] = size(root);
  const wide = stage.clientWidth;
  if (!wide) return;
  const inside = root.querySelector("dialog").open;
  let k = Math.min(inside ? 2 : LARGEST, wide / w);
  if (!inside) {
    if (h * k > MOST) k = Math.max(MOST / h, Math.min(k, SMALLEST));
    stage.style.height = `${Math.min(Math.ceil(h * k), MOST)}px`;
  }
  if (inside) stage.style.height = "";
  // full screen a tall picture stays readable and is dragged, until all of it is asked for
  const [above, room] = inside ? [ABOVE, stage.clientHeight - ABOVE - BELOW] : [0, stage.clientHeight];
  if (inside && !whole) k = Math.max(Math.min(k, READABLE), Math.min(k, room / h));
  if (inside && !whole && k > 0.9) k = Math.max(k, READABLE); // a little too wide is dragged too
  if (whole) k = Math.min(k, room / h);
  const y = inside ? above + Math.max((room - h * k) / 2, 0) : 0;
  Object.assign(root.__view, { k, x: (wide - w * k) / 2, y, touched: false });
  place(root);
}

function place(root) {
  const { x, y, k } = root.__view;
  root.querySelector(".stage > svg").style.transform = `translate(${x}px, ${y}px) scale(${k})`;
}

// Keeps a hand's width of the picture in sight, wherever it is dragged.
function shift(root, dx, dy) {
  const view = root.__view;
  const stage = root.querySelector(".stage");
  const [w, h] = size(root);
  const hold = (at, length, room) => Math.min(Math.max(at, Math.min(48, length) - length), room - Math.min(48, length));
  view.x = hold(view.x + dx, w * view.k, stage.clientWidth);
  view.y = hold(view.y + dy, h * view.k, stage.clientHeight);
  view.touched = true;
  place(root);
}

// Zooms by a factor around a point of the stage; without one, around its middle.
function scale(root, factor, at) {
  const view = root.__view;
  const stage = root.querySelector(".stage");
  const [px, py] = at ?? [stage.clientWidth / 2, stage.clientHeight / 2];
  const k = Math.min(Math.max(view.k * factor, 0.1), 5);
  const grown = k / view.k;
  view.k = k;
  shift(root, (px - view.x) * (1 - grown), (py - view.y) * (1 - grown));
}

function spot(stage, event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

const SLOP = 4; // px; less is a click

// One pointer drags, two pinch; a press that did not move picks the set.
function move(root, stage, signal, pick) {
  const down = new Map();
  let moved = false;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!down.size) root.__moved = moved = false;
    down.set(event.pointerId, spot(stage, event));
  }, { signal });
  stage.addEventListener("pointermove", (event) => {
    const from = down.get(event.pointerId);
    if (!from) return;
    const to = spot(stage, event);
    if (!moved && Math.hypot(to[0] - from[0], to[1] - from[1]) < SLOP) return;
    if (!moved) { root.__moved = moved = true; stage.setPointerCapture(event.pointerId); stage.classList.add("held"); }
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const span = (p) => Math.max(Math.hypot(p[0] - other[0], p[1] - other[1]), 1);
      scale(root, span(to) / span(from), other);
    } else shift(root, to[0] - from[0], to[1] - from[1]);
    down.set(event.pointerId, to);
  }, { signal });
  const up = (event) => {
    down.delete(event.pointerId);
    if (!down.size) stage.classList.remove("held");
  };
  stage.addEventListener("pointerup", up, { signal });
  stage.addEventListener("pointercancel", up, { signal });
  stage.addEventListener("click", (event) => {
    const id = moved ? null : setAt(event.target);
    if (id) pick(id);
  }, { signal });
}

function zoom(root, stage, signal) {
  stage.addEventListener("wheel", (event) => {
    const inside = root.querySelector("dialog").open;
    if (!event.ctrlKey && !event.metaKey && !inside) return; // the page scrolls
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) scale(root, Math.exp(-event.deltaY * 0.0022), spot(stage, event));
    else shift(root, -event.deltaX, -event.deltaY);
  }, { signal, passive: false });
  const deeds = { in: () => scale(root, 1.25), out: () => scale(root, 0.8), fit: () => fit(root, true), full: () => open(root) };
  for (const one of root.querySelectorAll("[data-do]")) one.addEventListener("click", deeds[one.dataset.do], { signal });
}

function keys(root, stage, signal, pick) {
  const step = 48;
  const ways = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  stage.addEventListener("keydown", (event) => {
    if (ways[event.key]) shift(root, ...ways[event.key]);
    else if (event.key === "+" || event.key === "=") scale(root, 1.25);
    else if (event.key === "-") scale(root, 0.8);
    else if (event.key === "0") fit(root, true);
    else if (event.key === "Escape" && root.__kept && !root.querySelector("dialog").open) pick(root.__kept);
    else return;
    event.preventDefault();
  }, { signal });
}

function open(root) {
  const dialog = root.querySelector("dialog");
  dialog.append(root.querySelector(".viewer"));
  dialog.showModal();
  fit(root);
}

function full(root, signal) {
  const dialog = root.querySelector("dialog");
  root.querySelector(".open").addEventListener("click", () => open(root), { signal });
  root.querySelector(".close").addEventListener("click", () => dialog.close(), { signal });
  dialog.addEventListener("close", () => {
    root.insertBefore(root.querySelector(".viewer"), dialog);
    fit(root);
  }, { signal });
}
