export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".sets");
  const sig = JSON.stringify(data.rows);
  if (root.__sig !== sig) {
    root.__sig = sig;
    root.querySelector("tbody").replaceChildren(...data.rows.map(line));
  }
  const lines = [...root.querySelectorAll("tbody tr:not(.sum)")];
  bus.seek(root, data.found && new Set(lines.filter((row) => data.found.includes(row.dataset.set ?? ""))), lines);
  const signal = bus.listen(root, data.selected, (id) => {
    bus.mark(root, id);
    for (const chip of root.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", String(chip.textContent === root.__kept));
    tell(root, data.rows);
  });
  const pick = (id) => bus.pick(root, id, setTriggerValue);
  for (const row of root.querySelectorAll("tr[data-set]")) bus.wire(row, signal, pick);
  root.addEventListener("keydown", (e) => e.key === "Escape" && root.__kept && pick(root.__kept), { signal });
  root.addEventListener("focusin", (e) => e.target.matches?.(".chip:focus-visible") && bus.say(e.target.textContent), { signal });
  root.addEventListener("focusout", () => bus.say(null), { signal });
}

// A screen reader hears which set stays lit, and when none does any more.
function tell(root, rows) {
  const was = root.__told ?? "";
  root.__told = root.__kept;
  if (was === root.__kept) return;
  const row = rows.find((one) => one.set === root.__kept);
  root.querySelector(".heard").textContent = row ? `${said(row)}, stays lit` : "No set stays lit";
}

const said = (row) => [row.set, row.what, row.where, row.users, row.why].filter(Boolean).join(", ");

function line(row) {
  const one = document.createElement("tr");
  if (row.set) one.dataset.set = row.set;
  one.className = row.style === "sum" ? "sum" : "";
  const chip = cell("");
  if (row.set) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `chip ${row.style}`;
    button.append(Object.assign(document.createElement("b"), { textContent: row.set }));
    bus.paint(button, row.set);
    button.setAttribute("aria-label", said(row));
    chip.append(button);
  }
  const what = cell("", row.what, row.where);
  if (row.why) what.append(small(row.why, "narrow"));
  one.append(chip, what, cell("wide", row.users), number(row.stored, row.stored_exact), number(row.saved, row.saved_exact), cell("wide why", row.why, row.reason));
  return one;
}

function cell(cls, text = "", below = "") {
  const one = document.createElement("td");
  one.className = cls;
  if (text) one.append(text);
  if (below) one.append(small(below));
  return one;
}

function small(text, cls = "") {
  return Object.assign(document.createElement("small"), { textContent: text, className: cls });
}

function number(text, exact) {
  const one = cell("n", text);
  one.title = exact;
  return one;
}
