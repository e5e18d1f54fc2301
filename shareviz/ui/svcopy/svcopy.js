export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const said = button.querySelector("span");
  button.setAttribute("aria-disabled", String(Boolean(data.disabled)));
  button.title = data.disabled || "Copies a link that opens exactly this view";
  button.onclick = async () => {
    if (data.disabled) return;
    const link = new URL(location.href);
    if (!link.searchParams.has("m")) link.searchParams.set("m", data.model);
    const done = await copied(link.href, parentElement);
    said.textContent = done ? "Copied" : "Copy failed";
    setTimeout(() => { said.textContent = "Copy link"; }, 1600);
  };
}

async function copied(text, root) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // no permission, or a page without https: the old way needs a selection
    const field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    field.style.opacity = "0";
    root.appendChild(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
