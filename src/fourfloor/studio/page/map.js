// The map: every loop is a dot, similar ones lie near each other. A click plays, arrow keys go to the next dot that way.

import { call, newest } from "/page/api.js";
import { act } from "/page/actions.js";
import { $, attempt, button, calmly, element, tempo } from "/page/dom.js";
import { isPlaying, play, player } from "/page/sound.js";
import { alive, nameOf, on } from "/page/store.js";
import { current, onShow } from "/page/views.js";

const MOST_DOTS = 600;
const MOST_NAMES = 40; // that a map has room for
let places = {};

const placesNow = newest(() => call("GET", "/api/map"));

async function load() {
  places = (await placesNow()) ?? places;
  draw();
}

const draw = calmly(() => {
  const focus = document.activeElement?.dataset?.dot;
  const list = alive().filter((loop) => places[loop.id]).slice(0, MOST_DOTS);
  $("map").replaceChildren(...list.map((loop) => dot(loop, list.length <= MOST_NAMES)));
  $("map").hidden = !list.length;
  $("map-about").textContent = list.length ? "Click a dot to hear it. Similar loops lie near each other." : "No loops yet: make some first.";
  if (focus) $("map").querySelector(`[data-dot="${focus}"]`)?.focus();
});

function dot(loop, named) {
  const [x, y] = places[loop.id];
  const name = `${nameOf(loop)}, ${tempo(loop.bpm)}`;
  const tell = () => {
    $("map-about").replaceChildren(name, " ", button("Show it", () => act("show", loop)));
  };
  const made = button("", () => attempt(() => play(loop)), {
    class: `dot${loop.loved ? " loved" : ""}`, "data-dot": loop.id, "aria-label": name, "aria-pressed": String(isPlaying(loop.id)), title: name,
    onfocus: tell, onpointerenter: tell, onkeydown: (event) => move(event, loop),
  });
  if (named) made.append(element("span", { "aria-hidden": "true", class: x < 0.1 ? "first" : x > 0.9 ? "last" : null }, nameOf(loop)));
  made.style.left = `${4 + 92 * x}%`;
  made.style.top = `${6 + 88 * y}%`;
  return made;
}

function move(event, loop) {
  const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!direction) return;
  event.preventDefault();
  const [x, y] = places[loop.id];
  const [dx, dy] = direction;
  const far = (id) => {
    const [along, across] = [(places[id][0] - x) * dx + (places[id][1] - y) * dy, Math.abs((places[id][0] - x) * dy) + Math.abs((places[id][1] - y) * dx)];
    return along > 0 ? along + 2 * across : Infinity;
  };
  const dots = [...$("map").children].map((made) => made.dataset.dot).filter((id) => far(id) < Infinity);
  dots.sort((a, b) => far(a) - far(b));
  if (dots.length) $("map").querySelector(`[data-dot="${dots[0]}"]`).focus();
}

onShow("map", () => attempt(load));
on("loops", () => current() === "map" && attempt(load));
player.onChange.push(() => current() === "map" && draw());
