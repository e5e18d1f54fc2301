export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".rows");
  const sig = JSON.stringify(data);
  if (root.__sig === sig) return;
  root.__sig = sig;
  root.querySelector("caption").textContent = data.caption;
  root.querySelector("thead tr").replaceChildren(...data.titles.map((title) => make("th", "", title, { scope: "col" })));
  root.querySelector("tbody").replaceChildren(...data.rows.map((row) => line(row, data)));
}

function make(tag, cls, text, more = {}) {
  return Object.assign(document.createElement(tag), { className: cls, textContent: text, ...more });
}

function line(row, { titles, wide }) {
  const one = document.createElement("tr");
  row.forEach((cell, n) => {
    const kinds = [cell.tone, wide.includes(n) ? "wide" : "", cell.text ? "" : "empty"];
    const box = make(n ? "td" : "th", kinds.join(" ").trim(), "", n ? {} : { scope: "row" });
    if (n) box.append(make("span", "title", titles[n]));
    const value = make("span", cell.strong ? "value strong" : "value", "");
    if (cell.mark) value.append(make("span", "mark", cell.mark, { ariaHidden: "true" }));
    value.append(cell.text);
    if (cell.note) value.append(make("small", "", cell.note));
    box.append(value);
    one.append(box);
  });
  return one;
}
