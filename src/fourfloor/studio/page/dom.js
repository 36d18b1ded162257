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
const MS_READ = 8000, MS_WITH_BUTTON = 20000;

export function toast(text, label, action) {
  const made = element("p", { class: "toast" }, text, label ? button(label, () => (made.remove(), attempt(action))) : null);
  for (const other of $("toasts").children) if (!label && other.textContent === text) other.remove(); // said again
  $("toasts").append(made);
  while ($("toasts").children.length > MOST_TOASTS) $("toasts").firstElementChild.remove();
  const leave = () => (made.matches(":hover, :focus-within") ? setTimeout(leave, MS_READ) : made.remove());
  setTimeout(leave, label ? MS_WITH_BUTTON : MS_READ);
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

const MS_TO_CLICK = 100; // from the release of a finger to the click
const late = new Set();
let isDown = false;
let releasing = 0;

function release() {
  isDown = false;
  for (const draw of late) (late.delete(draw), draw());
}

// While something is pressed, what would draw it again waits: a click begins and ends on one button.
export const calmly = (draw) => () => (isDown ? late.add(draw) : draw());

addEventListener("pointerdown", ({ button }) => (clearTimeout(releasing), (isDown = button === 0)), true);
addEventListener("pointermove", ({ buttons }) => isDown && !buttons && release(), true); // it was released outside
addEventListener("click", () => isDown && release());
for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => (releasing = setTimeout(release, MS_TO_CLICK)), true);

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
