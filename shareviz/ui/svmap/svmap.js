export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  const body = root.querySelector(".body");
  const sig = JSON.stringify(data.map);
  const known = root.__sig;
  if (known !== sig) {
    root.__sig = sig;
    const held = root.__places?.find((place) => place.one === root.getRootNode().activeElement);
    root.__places = fill(body, data.map);
    if (held) refocus(root.__places, held);
    root.classList.toggle("fresh", known !== undefined);
  }
  const signal = bus.listen(root, data.selected, (id) => bus.mark(root, id));
  const pick = (id) => bus.pick(root, id, setTriggerValue);
  for (const one of body.querySelectorAll("button")) bus.wire(one, signal, one.__at ? () => {} : pick);
  root.classList.toggle("painting", Boolean(data.edit));
  if (data.edit) edit(root, data.edit, signal, setTriggerValue); // of svpaint.js
  explain(root, signal);
  walk(root, signal, () => root.__kept && pick(root.__kept));
  const hit = ([place, row]) => root.__places[place].one.children[row < 0 ? -1 : row] ?? root.__places[place].one;
  bus.seek(root, data.found && new Set(data.found.map(hit)), body.querySelectorAll(".cell, .bar, .run > i"));
  const tie = () => draw(root, data.map.ties);
  const watch = new ResizeObserver(tie);
  watch.observe(body);
  signal.addEventListener("abort", () => watch.disconnect());
  tie();
  bus.mark(root, root.__kept);
}

function make(tag, cls, text) {
  const one = document.createElement(tag);
  if (cls) one.className = cls;
  if (text) one.textContent = text;
  return one;
}

// One place of the map that the arrow keys reach: rows r0..r1, columns c0..c1.
function fill(body, map) {
  body.replaceChildren();
  const places = [];
  let row = 0;
  for (const bar of map.above) places.push(bar_(body, bar, row++));
  for (const section of map.sections) row = grid(body, section, row, places);
  for (const bar of map.below) places.push(bar_(body, bar, row++));
  places.forEach((place, n) => { place.one.tabIndex = n ? -1 : 0; });
  return places;
}

// The new place where an old one was focused, so that the keyboard goes on from there.
function refocus(places, { r0, c0 }) {
  const next = places.find((place) => place.r0 <= r0 && r0 <= place.r1 && place.c0 <= c0 && c0 <= place.c1);
  if (!next) return;
  for (const place of places) place.one.tabIndex = place === next ? 0 : -1;
  next.one.focus({ preventScroll: true });
}

function shape(item, cls) {
  const button = item.set || item.at;
  const one = make(button ? "button" : "div", `${cls} ${item.style}`);
  if (button) one.type = "button";
  else one.setAttribute("role", "img");
  if (item.set) {
    one.dataset.set = item.set;
    bus.paint(one, item.set);
  }
  return one;
}

function bar_(body, bar, row) {
  const strip = make("div", "strip");
  strip.append(make("div", "label", bar.label));
  const one = shape(bar, "bar");
  if (bar.set) one.append(make("b", "", bar.set), " "); // read as two words
  one.append(make("span", "", bar.text));
  one.setAttribute("aria-label", [bar.title, bar.set, bar.text, bar.note.split(" · ").pop()].filter(Boolean).join(" · "));
  one.__tip = [bar.title, bar.note];
  strip.append(one);
  body.append(strip);
  return { one, r0: row, r1: row, c0: 0, c1: 999 };
}

function grid(body, section, row, places) {
  const thin = section.pitch < 12;
  const one = make("div", thin ? "grid thinrow" : "grid");
  const tracks = section.groups.map((g) => `repeat(${g.columns.length}, minmax(0, 1fr))`).join(" 5px ");
  const label = section.header === "module" ? "fit-content(38%)" : "var(--label)";
  if (section.header === "module") one.classList.add("modules");
  one.style.gridTemplateColumns = `${label} ${tracks}`;
  if (section.title) one.append(make("div", "name", section.title));
  const at = heads(one, section);
  const first = section.title ? 4 : 3;
  const height = thin ? section.pitch : section.pitch - 3;
  one.style.gridTemplateRows = `repeat(${first - 1}, auto) repeat(${section.rows.length}, ${section.header === "module" ? "minmax(" + height + "px, auto)" : height + "px"})`;
  one.style.rowGap = thin ? "0" : "3px";
  labels(one, section, first);
  for (const cell of section.cells) {
    const made = block(cell, section, thin);
    made.style.gridArea = `${first + cell.row} / ${at[cell.column]} / span ${cell.span} / span 1`;
    one.append(made);
    places.push({ one: made, r0: row + cell.row, r1: row + cell.row + cell.span - 1, c0: cell.column, c1: cell.column });
  }
  sums(one, section, first + section.rows.length, at);
  body.append(one);
  return row + section.rows.length;
}

// Writes group titles and column labels; returns the grid line of each column.
function heads(one, section) {
  const lead = section.title ? 1 : 0;
  const at = [];
  let line = 2;
  const head = make("div", "head left", section.header);
  head.style.gridArea = `${lead + 2} / 1`;
  one.append(head);
  for (const group of section.groups) {
    if (group.title) {
      const title = make("div", "group", group.title);
      title.style.gridArea = `${lead + 1} / ${line} / auto / span ${group.columns.length}`;
      one.append(title);
    }
    for (const column of group.columns) {
      const label = make("div", "head", column.label);
      label.title = column.title;
      label.style.gridArea = `${lead + 2} / ${line}`;
      one.append(label);
      at.push(line++);
    }
    line++; // the gap between groups is a track of its own
  }
  return at;
}

function labels(one, section, first) {
  const rows = section.rows;
  const least = section.pitch < 12 ? Math.ceil(28 / section.pitch) : 1;
  let step = least;
  while (step < rows.length && rows.length % step) step++;
  if (step >= rows.length) step = least;
  for (let n = 0; n < rows.length; n += step) {
    const label = make("div", "label", rows[n].label);
    label.title = rows[n].title;
    label.style.gridArea = `${first + n} / 1 / span ${Math.min(step, rows.length - n)} / 2`;
    if (step > 1) label.style.alignSelf = "start";
    one.append(label);
  }
}

function block(cell, section, thin) {
  const one = shape(cell, "cell");
  if (cell.set) {
    if (cell.text) one.append(make("b", "", cell.text));
    if (cell.bridge) one.classList.add("bridge");
  } else if (cell.span > 1) {
    one.classList.add("run");
    if (thin) one.classList.add("thin");
    else one.append(...Array.from({ length: cell.span }, () => make("i")));
  }
  one.setAttribute("aria-label", cell.label);
  one.__tip = [cell.label, cell.locked || cell.note];
  one.__at = cell.at;
  if (cell.locked) one.setAttribute("aria-disabled", "true");
  return one;
}

function sums(one, section, line, at) {
  const label = make("div", "label", "stored");
  label.style.gridArea = `${line} / 1`;
  one.append(label);
  let column = 0;
  for (const group of section.groups) {
    const sum = make("div", "stored", group.stored);
    // "×4 = 28.3 M" may break at "=", never before the unit
    if (group.again) sum.append(make("small", "", group.again.replace(/ (?=[kMBT]$)/, "\u00a0")));
    sum.style.gridArea = `${line} / ${at[column]} / auto / span ${group.columns.length}`;
    one.append(sum);
    column += group.columns.length;
  }
}

// A dashed line at the right from the first bar of a tie to the last, with a stub at each.
function draw(root, ties) {
  const svg = root.querySelector(".ties");
  const zero = root.getBoundingClientRect().top;
  svg.setAttribute("height", root.clientHeight);
  svg.replaceChildren();
  ties.forEach((id, n) => {
    const bars = [...root.querySelectorAll(`.bar[data-set="${id}"]`)];
    const mids = bars.map((bar) => { const box = bar.getBoundingClientRect(); return (box.top + box.bottom) / 2 - zero; });
    const x = 16 - 5 * n;
    const [top, bottom] = [Math.min(...mids), Math.max(...mids)];
    const between = mids.filter((y) => y !== top && y !== bottom).map((y) => `M5 ${y}H${x}`).join("");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M5 ${top}H${x - 6}Q${x} ${top} ${x} ${top + 6}V${bottom - 6}Q${x} ${bottom} ${x - 6} ${bottom}H5${between}`);
    path.setAttribute("class", "tie");
    path.dataset.set = id;
    bus.paint(path, id);
    path.classList.toggle("hit", bars.every((bar) => bar.classList.contains("hit")));
    svg.append(path);
  });
  bus.mark(root, root.__kept ?? "");
}

const PAUSE = 450; // ms; passing over the map lights sets, only resting on a cell explains it

function explain(root, signal) {
  const tip = root.querySelector(".tip");
  let soon = 0;
  const hide = () => { clearTimeout(soon); tip.hidden = true; };
  const show = (one) => {
    tip.replaceChildren(make("b", "", one.__tip[0]), document.createTextNode(one.__tip[1]));
    tip.hidden = false;
    const [box, base] = [one.getBoundingClientRect(), root.getBoundingClientRect()];
    const left = Math.min(Math.max(0, box.left - base.left), Math.max(0, base.width - tip.offsetWidth));
    tip.style.left = `${left}px`;
    tip.style.top = `${box.top - base.top + Math.min(box.height, 40) + 6}px`;
  };
  const meet = ({ target }) => {
    hide();
    const one = target.closest?.(".cell, .bar");
    if (one?.__tip) soon = setTimeout(() => show(one), PAUSE);
  };
  root.addEventListener("pointerover", meet, { signal });
  root.addEventListener("pointerleave", hide, { signal });
  root.addEventListener("focusin", (e) => e.target.matches(":focus-visible") && meet(e), { signal });
  root.addEventListener("focusout", hide, { signal });
  signal.addEventListener("abort", hide);
}

// Arrow keys: the nearest place in that direction that overlaps the one we stand on.
function walk(root, signal, clear) {
  const ways = { ArrowDown: ["r", 1], ArrowUp: ["r", -1], ArrowRight: ["c", 1], ArrowLeft: ["c", -1] };
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return clear();
    const way = ways[event.key];
    const places = root.__places;
    const here = places.find((place) => place.one === event.target);
    if (!way || !here) return;
    event.preventDefault();
    const next = nearest(places, here, ...way);
    if (!next) return;
    here.one.tabIndex = -1;
    next.one.tabIndex = 0;
    next.one.focus();
  }, { signal });
}

function nearest(places, here, axis, sign) {
  const across = axis === "r" ? "c" : "r";
  const far = (place) => (sign > 0 ? place[`${axis}0`] - here[`${axis}1`] : here[`${axis}0`] - place[`${axis}1`]);
  return places
    .filter((place) => far(place) > 0 && place[`${across}0`] <= here[`${across}1`] && place[`${across}1`] >= here[`${across}0`])
    .sort((a, b) => far(a) - far(b) || a[`${across}0`] - b[`${across}0`])[0];
}
