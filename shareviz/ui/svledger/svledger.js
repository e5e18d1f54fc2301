export default function ({ data, parentElement }) {
  const table = parentElement.querySelector(".ledger table");
  const sig = JSON.stringify(data.parts);
  if (table.__sig === sig) return;
  table.__sig = sig;
  for (const old of [...table.tBodies]) old.remove();
  table.append(...data.parts.map(part));
}

function part({ heading, follows, rows }) {
  const body = document.createElement("tbody");
  const head = document.createElement("tr");
  const title = make("th", "heading", heading);
  title.scope = "rowgroup";
  title.colSpan = 4;
  title.append(make("small", "", follows));
  head.append(title);
  body.append(head, ...rows.map(line));
  return body;
}

function line({ title, value, of, verdict, kept, kind, exact }) {
  const row = make("tr", kind);
  const name = make("th", "title", title);
  name.scope = "row";
  const track = make("div", "track");
  if (kept !== null) {
    const fill = make("div", "fill");
    fill.style.width = `${100 * kept}%`;
    track.append(fill);
  }
  const bar = make("td", "bar");
  bar.append(track);
  const amount = make("td", "value", value);
  if (of) amount.append(make("small", "", ` ${of}`));
  amount.title = exact;
  row.append(name, bar, amount, make("td", "verdict", verdict));
  return row;
}

function make(tag, cls, text = "") {
  return Object.assign(document.createElement(tag), { className: cls, textContent: text });
}
