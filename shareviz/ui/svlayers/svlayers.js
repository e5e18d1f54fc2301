// A table of layers. The browser keeps what is typed; Python answers with shapes, offers and the first error.
const PAUSE = 350; // ms after the last key until Python hears of it

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".layers");
  root.__send = () => setStateValue("table", read(root));
  root.__data = data;
  root.style.colorScheme = data.scheme;
  if (!root.__made) {
    root.__made = true;
    const list = root.querySelector("ol");
    list.append(line(root, data.start.given, data.inputs, true));
    const rows = data.start.rows.map((row) => line(root, row, data.kinds, false));
    list.append(...rows);
    data.start.rows.forEach((row, n) => (rows[n].__shares = row.shares ? rows[row.shares - 1] : null));
    root.querySelector(".add").addEventListener("click", () => add(root));
    root.addEventListener("input", (event) => event.target.matches("input") && later(root));
    root.addEventListener("change", () => now(root));
  }
  answer(root, data);
}

const lines = (root) => [...root.querySelectorAll("li")];
const rows = (root) => lines(root).slice(1);

function make(tag, cls, more = {}) {
  return Object.assign(document.createElement(tag), { className: cls, ...more });
}

function later(root) {
  clearTimeout(root.__wait);
  root.__wait = setTimeout(() => now(root), PAUSE);
}

function now(root) {
  clearTimeout(root.__wait);
  count(root);
  root.__send();
}

function read(root) {
  const cell = (li) => ({
    kind: li.querySelector(".kind select").value,
    sizes: [...li.querySelectorAll(".size > :last-child")].map((one) => one.value),
    repeats: li.querySelector(".repeats input")?.value ?? "1",
    shares: rows(root).indexOf(li.__shares) + 1,
  });
  const [given, ...others] = lines(root).map(cell);
  return { given, rows: others };
}

function line(root, row, kinds, first) {
  const li = make("li", first ? "input" : "row");
  const box = make("div", "line");
  const kind = make("span", "kind");
  const pick = make("select", "");
  pick.append(...kinds.map((one) => make("option", "", { value: one.name, textContent: one.title })));
  pick.value = row.kind;
  const sizes = make("span", "sizes");
  pick.addEventListener("change", () => fill(sizes, kinds, pick, kept(sizes)));
  kind.append(pick);
  box.append(make("span", "number"), kind, sizes);
  if (!first) box.append(repeats(row), make("span", "shares"));
  else box.append(make("span", "more"), make("span", "more"));
  const gives = make("span", "gives");
  gives.append(make("span", "title", { textContent: "Gives" }), make("span", "shape"));
  box.append(gives, first ? make("span", "tools") : tools(root, li));
  li.append(box, make("p", "why", { role: "alert" }));
  fill(sizes, kinds, pick, row.sizes);
  return li;
}

// The sizes of a kind; `values` are in order, or by name where another kind had them.
function fill(sizes, kinds, pick, values) {
  const kind = kinds.find((one) => one.name === pick.value) ?? { sizes: [], summary: "" };
  pick.title = kind.summary;
  sizes.replaceChildren(...kind.sizes.map((size, n) => {
    const label = make("label", "size", { title: size.help });
    const value = (Array.isArray(values) ? values[n] : values[size.name]) ?? size.start;
    label.append(make("span", "", { textContent: size.title }), field(size, value));
    return label;
  }));
}

function kept(sizes) {
  const fields = [...sizes.querySelectorAll("input")];
  return Object.fromEntries(fields.map((one) => [one.dataset.name, one.value]));
}

function field(size, value) {
  if (!size.choices.length) {
    const one = make("input", "", { value, inputMode: "numeric", autocomplete: "off", placeholder: size.empty });
    one.dataset.name = size.name;
    return one;
  }
  const one = make("select", "");
  one.append(...size.choices.map((word) => make("option", "", { value: word, textContent: word })));
  one.value = size.choices.includes(value) ? value : size.start;
  return one;
}

function repeats(row) {
  const label = make("label", "repeats", { title: "How many run one after the other, each with weights of its own." });
  const one = make("input", "", { value: row.repeats, inputMode: "numeric", autocomplete: "off" });
  label.append(make("span", "title", { textContent: "Repeats" }), one);
  return label;
}

function tools(root, li) {
  const box = make("span", "tools");
  const button = (sign, act) => {
    const one = make("button", "", { type: "button", textContent: sign });
    one.addEventListener("click", () => act(one));
    return one;
  };
  const move = (step) => (one) => {
    const at = rows(root).indexOf(li);
    const other = rows(root)[at + step];
    if (!other) return;
    step < 0 ? other.before(li) : other.after(li);
    one.focus();
    now(root);
  };
  box.append(button("↑", move(-1)), button("↓", move(1)), button("×", () => {
    const next = li.nextElementSibling ?? li.previousElementSibling;
    li.remove();
    next?.querySelector("select").focus();
    now(root);
  }));
  return box;
}

function add(root) {
  const last = rows(root).at(-1);
  const head = last?.querySelector(".kind select").value === "head";
  const made = line(root, { kind: "linear", sizes: [], repeats: "1", shares: 0 }, root.__data.kinds, false);
  head ? last.before(made) : root.querySelector("ol").append(made); // answers are read off at the end
  made.querySelector("select").focus();
  now(root);
}

function answer(root, { gives, offers, error, most }) {
  const all = lines(root);
  const others = rows(root);
  count(root);
  others.forEach((li, n) => shares(li, n, others, offers[n] ?? []));
  all[0].setAttribute("aria-label", "Input");
  all[0].querySelector("select").setAttribute("aria-label", "What comes in");
  all.forEach((li, n) => {
    const wrong = error !== null && error.row === n;
    const out = li.querySelector(".shape");
    out.textContent = gives[n] ?? "–";
    out.classList.toggle("none", gives[n] === undefined);
    li.classList.toggle("wrong", wrong);
    const why = li.querySelector(".why");
    const said = wrong ? error.text : "";
    if (why.textContent !== said) why.textContent = said;
  });
  root.querySelector(".add").disabled = others.length >= most;
}

function count(root) {
  const others = rows(root);
  others.forEach((li, n) => {
    li.querySelector(".number").textContent = n + 1;
    li.setAttribute("aria-label", `Row ${n + 1}`);
    name(li, n + 1, others.length);
  });
}

function name(li, number, count) {
  const words = ["Move up", "Move down", "Remove"];
  li.querySelectorAll(".tools button").forEach((one, n) => {
    one.setAttribute("aria-label", `${words[n]} row ${number}`);
    one.title = words[n];
    one.disabled = [number === 1, number === count, count === 1][n];
  });
  li.querySelector(".kind select").setAttribute("aria-label", `Layer of row ${number}`);
  li.querySelector(".repeats input").setAttribute("aria-label", `Repeats of row ${number}`);
}

function shares(li, n, others, offer) {
  const box = li.querySelector(".shares");
  const at = others.indexOf(li.__shares);
  if (at < 0 || at > n) li.__shares = null;
  const found = offer.map((number) => others[number - 1]).filter(Boolean);
  if (li.__shares && !found.includes(li.__shares)) found.push(li.__shares);
  box.classList.toggle("none", !found.length);
  const words = found.map((one) => (one === li ? "one for all" : `row ${others.indexOf(one) + 1}`));
  const sig = JSON.stringify([words, found.indexOf(li.__shares), n]);
  if (box.__sig === sig) return;
  box.__sig = sig;
  if (!found.length) return box.replaceChildren(make("span", "", { textContent: "–" }));
  const pick = make("select", "");
  pick.setAttribute("aria-label", `Row ${n + 1} shares with`);
  pick.append(...["none", ...words].map((word, at) => make("option", "", { value: String(at), textContent: word })));
  pick.value = String(found.indexOf(li.__shares) + 1);
  pick.addEventListener("change", () => (li.__shares = found[Number(pick.value) - 1] ?? null));
  box.replaceChildren(make("span", "title", { textContent: "Shares with" }), pick);
}
