// The history of a loop: what it was made of, what was made of it, and all of them to compare by ear.

import { $, button, calmly, element, length } from "/page/dom.js";
import { isPlaying, play, player } from "/page/sound.js";
import { children, loops, nameOf, on } from "/page/store.js";

const dialog = $("history");
const verbs = { generate: "generated", vary: "a variation", fill: "new beats", extend: "continued", morph: "a step of a morph", rekit: "other drums", import: "your own file" };
let shown = null;
let act = null;

export function showHistory(loop, does) {
  [shown, act] = [loop, does];
  draw();
  if (!dialog.open) dialog.showModal();
}

function rootOf(loop) {
  let root = loop;
  while (loops.get(root.parent)) root = loops.get(root.parent);
  return root;
}

function draw() {
  if (shown) $("tree").replaceChildren(node(rootOf(shown)));
}

function node(loop) {
  const below = children(loop);
  const gone = loop.deleted_at !== null;
  const does = (name) => act(name, loops.get(loop.id));
  return element("li", {},
    element("div", { class: `version${loop.id === shown.id ? " shown" : ""}` },
      button(isPlaying(loop.id) ? "■" : "▶", () => play(loop, { alone: true, swap: !isPlaying(loop.id) }), { "aria-label": `Play ${nameOf(loop)} in place of the others`, disabled: gone }),
      element("span", {}, nameOf(loop), " ", element("small", {}, `${verbs[loop.verb]}, ${length(loop.bars)}, ${new Date(loop.made_at * 1000).toLocaleString()}`)),
      gone ? element("small", {}, "deleted") : button("♥", () => does("love"), { class: "love", "aria-pressed": String(!!loop.loved), "aria-label": `Love ${nameOf(loop)}` }),
      gone ? null : button("Show", () => (dialog.close(), does("show")), { "aria-label": `Show ${nameOf(loop)}` })),
    below.length ? element("ul", {}, ...below.map(node)) : null);
}

function redraw() {
  if (!dialog.open) return;
  const buttons = [...dialog.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  shown = loops.get(shown.id) ?? shown;
  draw();
  if (at >= 0) dialog.querySelectorAll("button")[at]?.focus();
}

on("loops", calmly(redraw));
player.onChange.push(calmly(redraw));
