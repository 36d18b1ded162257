// The keyboard: one letter an action, a sheet of them behind `?`; what is typed into a field stays there.
// An action is [what the sheet says, what is done, whether it is done again while the key is held].

export function keys(actions, dialog, button) {
  const names = { " ": "Space", Delete: "Del", Enter: "Enter" };
  const open = () => dialog.showModal();
  const list = dialog.querySelector("dl");
  for (const [key, [about]] of [...Object.entries(actions), ["?", ["this sheet"]]]) {
    const term = document.createElement("dt");
    term.append(Object.assign(document.createElement("kbd"), { textContent: names[key] ?? key.toUpperCase() }));
    list.append(term, Object.assign(document.createElement("dd"), { textContent: about }));
  }
  button.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.matches("input:not([type=range]), select, textarea");
    if (event.target.closest("[popover]")) return;
    const pressing = event.target.matches("button, a, summary") && [" ", "Enter"].includes(event.key);
    if (typing || pressing) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "?") open();
    else if (!actions[key]) return;
    else if (!event.repeat || actions[key][2]) actions[key][1]();
    event.preventDefault();
  });
}
