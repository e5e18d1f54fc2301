// The hover bus: one event on window lights every component of the page in the same frame, without Python.
// `detail.id` is a set such as "S2", or null; `detail.keep` also makes it the one that stays lit.
const bus = {
  say(id, keep = false) {
    window.dispatchEvent(new CustomEvent("sv-hover", { detail: { id, keep } }));
  },
  // Calls light(id or "") on hover, and when the pointer leaves with the id that stays lit.
  listen(root, selected, light) {
    root.__off?.abort(); // the function below runs again on new data and on a theme switch
    const off = (root.__off = new AbortController());
    root.__kept = selected;
    const hear = ({ detail }) => {
      if (detail.keep) root.__kept = detail.id ?? "";
      light(detail.id || root.__kept);
    };
    window.addEventListener("sv-hover", hear, { signal: off.signal });
    light(selected);
    return off.signal;
  },
  // Marks root and every [data-set] in it: the lit ones "on", the root "dim" while any is lit.
  mark(root, id) {
    root.classList.toggle("dim", Boolean(id));
    for (const one of root.querySelectorAll("[data-set]")) one.classList.toggle("on", one.dataset.set === id);
  },
  // Lets what a search found stand out among all; nothing found dims nothing, and null ends the search.
  seek(root, found, all) {
    root.classList.toggle("seek", Boolean(found?.size));
    for (const one of all) one.classList.toggle("hit", Boolean(found?.has(one)));
  },
  // Makes an element light its set while pointed at or focused, and keep it lit on a click.
  wire(one, signal, picked) {
    const id = one.dataset.set;
    one.addEventListener("pointerenter", (e) => e.pointerType === "mouse" && bus.say(id), { signal });
    one.addEventListener("pointerleave", (e) => e.pointerType === "mouse" && bus.say(null), { signal });
    one.addEventListener("focus", () => one.matches(":focus-visible") && bus.say(id), { signal });
    one.addEventListener("blur", () => bus.say(null), { signal });
    one.addEventListener("click", () => picked(id), { signal });
  },
  // Keeps the set lit, or puts it out when it already is; Python hears of it too.
  pick(root, id, setTriggerValue) {
    const next = id === root.__kept ? "" : id;
    bus.say(next, true);
    setTriggerValue("picked", next);
  },
  // The place of a set in the palette: its colour variables, and whether the colour is used again.
  paint(one, id) {
    const n = Number(id.slice(1));
    const place = ((n - 1) % 12) + 1;
    if (n > 24) return one.classList.add("grey");
    for (const part of "ftl") one.style.setProperty(`--${part}`, `var(--${part}${place})`);
    one.classList.toggle("again", n > 12);
  },
};
