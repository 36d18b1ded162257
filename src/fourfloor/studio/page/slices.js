// Slices of a loop on keys: sixteen equal parts, played the moment a key goes down.

import { newest } from "/page/api.js";
import { $, button, element } from "/page/dom.js";
import { bufferOf, sound } from "/page/sound.js";
import { nameOf } from "/page/store.js";

const KEYS = [..."1234qwerasdfzxcv"];
const dialog = $("slices");
let buffer = null;
let last = null;

const bufferNow = newest(bufferOf);

export async function openSlices(loop) {
  const loaded = await bufferNow(loop);
  if (!loaded) return;
  buffer = loaded;
  $("slices-title").textContent = `Slices of ${nameOf(loop)}`;
  $("pads").replaceChildren(...KEYS.map((key, number) => button("", () => hit(number), { "data-slice": number, "aria-label": `Slice ${number + 1}, key ${key.toUpperCase()}` })));
  [...$("pads").children].forEach((pad, number) => pad.append(element("kbd", {}, KEYS[number].toUpperCase())));
  dialog.showModal();
}

function hit(number) {
  const { context, output } = sound();
  last?.stop();
  last = context.createBufferSource();
  last.buffer = buffer;
  last.connect(output);
  last.start(0, (number * buffer.duration) / KEYS.length, buffer.duration / KEYS.length);
  const pad = $("pads").children[number];
  pad.classList.remove("hit");
  requestAnimationFrame(() => pad.classList.add("hit"));
}

dialog.addEventListener("keydown", (event) => {
  const number = KEYS.indexOf(event.key.toLowerCase());
  if (number < 0 || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  hit(number);
});
dialog.addEventListener("close", () => last?.stop());
