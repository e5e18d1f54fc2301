export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".lesson");
  const sig = JSON.stringify(data);
  if (root.__sig === sig) return;
  root.__sig = sig;
  root.classList.toggle("mini", data.mini);
  root.querySelector(".panels").replaceChildren(...data.panels.map((one) => panel(one, data.mini)));
  root.querySelector(".bars").replaceChildren(...data.bars.map(bar));
}

function make(tag, cls, text) {
  const one = document.createElement(tag);
  if (cls) one.className = cls;
  if (text) one.textContent = text;
  return one;
}

function panel(data, mini) {
  const one = make("figure", "panel");
  const grid = make("div", "tiles");
  const many = data.tiles.length > 64;
  grid.classList.toggle("many", many);
  grid.classList.toggle("few", data.tiles.length <= 4);
  grid.setAttribute("role", "img");
  grid.setAttribute("aria-label", data.label);
  grid.style.gridTemplateColumns = `repeat(${data.columns}, minmax(0, 1fr))`;
  for (const [id, label] of data.tiles) {
    const tile = make("div", id ? "tile shared" : "tile", many ? "" : mini ? id : label);
    if (id) bus.paint(tile, id);
    grid.append(tile);
  }
  if (!mini) one.append(make("figcaption", "", data.title));
  one.append(grid);
  if (!mini) one.append(legend(data));
  return one;
}

function legend(data) {
  const one = make("div", "legend");
  for (const [id, times] of data.chips) {
    const chip = make("span", "chip", id);
    bus.paint(chip, id);
    one.append(chip, make("span", "", times));
  }
  one.append(make("span", "stored", data.stored));
  return one;
}

function bar(data) {
  const one = make("div", "bar");
  one.title = data.exact;
  const track = make("div", "track");
  const fill = make("div", "fill");
  fill.style.width = `${Math.max(100 * data.part, 0.6)}%`;
  track.append(fill);
  one.append(make("span", "what", data.title), track, make("span", "much", data.text), make("b", "word", data.word));
  return one;
}
