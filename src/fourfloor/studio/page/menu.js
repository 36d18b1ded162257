// The menu of a loop: what is done more rarely. Arrow keys move in it, Escape closes it.

import { $, button } from "/page/dom.js";
import { children } from "/page/store.js";

const menu = $("menu");

export function openMenu(loop, from, act) {
  const item = (label, name, value) => button(label, () => (menu.hidePopover(), act(name, loop, value)), { role: "menuitem", tabindex: "-1" });
  menu.replaceChildren(...[
    item(loop.parts.stems ? "Play its stems" : "Split into stems", loop.parts.stems ? "playStems" : "stems"),
    loop.parts.midi ? null : item("Write drums and bass as MIDI", "midi"),
    item("Play its drums by my one-shots …", "kit"),
    item("Play slices on keys", "slices"),
    item("Morph to another loop …", "morphFrom"),
    item("Show similar loops", "similar"),
    loop.parent || children(loop).length ? item("History", "history") : null,
    item("Put on the clip grid", "grid"),
    item("Pack with slices, stems and MIDI", "pack"),
    loop.model ? item("Use its settings", "again") : null,
    item("Rename …", "rename"),
    item("Delete", "delete"),
  ].filter(Boolean));
  menu.showPopover();
  const box = from.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  menu.style.top = `${box.bottom + height + 8 < innerHeight ? box.bottom + 4 : Math.max(8, box.top - height - 4)}px`;
  menu.firstElementChild.focus();
}

menu.addEventListener("keydown", (event) => {
  const items = [...menu.children];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items.at(to % items.length).focus();
});
