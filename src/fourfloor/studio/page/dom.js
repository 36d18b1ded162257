// Elements, short messages, and what every part of the page says the same way.

export const $ = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value ?? "";
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null)); // text is text: never HTML
  return made;
}

export const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);
export const tempo = (bpm) => `${Number(bpm.toFixed(2))} BPM`;
export const length = (bars) => `${bars} ${bars === 1 ? "bar" : "bars"}`;

const MOST_TOASTS = 4; // more would cover the cards

export function toast(text, label, action) {
  const made = element("p", { class: "toast" }, text, label ? button(label, () => (made.remove(), attempt(action))) : null);
  for (const other of $("toasts").children) if (!label && other.textContent === text) other.remove(); // said again
  $("toasts").append(made);
  while ($("toasts").children.length > MOST_TOASTS) $("toasts").firstElementChild.remove();
  setTimeout(() => made.remove(), label ? 20000 : 8000);
  return made;
}

// Do something; what is refused is said in one line.
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    toast(error.message);
    return null;
  }
}

// A link that downloads a file when it is clicked, and that can be dragged into a DAW (Chromium-based browsers).
export function drag(label, address, name, kind, title = "") {
  return element("a", {
    class: "button drag", draggable: "true", href: address, download: name, title: title || "Drag into your DAW, or click to download",
    ondragstart: (event) => {
      const whole = new URL(address, location.href).href;
      event.dataTransfer.effectAllowed = "copy";
      event.dataTransfer.setData("DownloadURL", `${kind}:${name}:${whole}`);
      event.dataTransfer.setData("text/uri-list", whole);
    },
  }, label);
}
