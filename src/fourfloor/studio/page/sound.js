// What sounds: loops and their parts on one transport, the mix, and the playheads.

import { audioOf, reach } from "/page/api.js";
import { $, button, calmly, element, tempo } from "/page/dom.js";
import { loops, nameOf } from "/page/store.js";
import { MOST_TRACKS, Transport } from "/page/transport.js";

export const STEMS = ["kick", "drums", "bass", "music"];
const buffers = new Map();
let moving = null; // the next frame in which the playheads move
let turn = 0; // counts what ends everything else: what was asked for before and is loaded later does not start
export const player = { transport: null, onChange: [] };

// At the loops' own rate nothing is resampled: what is heard is the file, sample by sample.
export function sound() {
  if (!player.transport) {
    player.transport = new Transport(new AudioContext({ sampleRate: 44100, latencyHint: "interactive" }));
    setInterval(() => player.transport.ahead(), 500);
  }
  player.transport.context.resume();
  return player.transport;
}

// `what` is a loop, or a part of one: `{ id, bpm, bars, name, audio, card }`.
export async function bufferOf(what) {
  const address = what.audio ?? audioOf(what);
  if (!buffers.has(address)) {
    const decoded = reach(address).then(async (answer) => {
      if (!answer.ok) throw new Error("This file is gone from the library folder.");
      return sound().context.decodeAudioData(await answer.arrayBuffer());
    });
    decoded.catch(() => buffers.delete(address));
    buffers.set(address, decoded);
    if (buffers.size > 6 * MOST_TRACKS) buffers.delete(buffers.keys().next().value);
  }
  return buffers.get(address);
}

// Whether nothing else was started alone, or stopped, since this was called.
export function undisturbed() {
  const mine = turn;
  return () => mine === turn;
}

export const stemOf = (loop, stem) => ({
  id: `${loop.id}/${stem}`, bpm: loop.bpm, bars: loop.bars, name: `${stem} of ${nameOf(loop)}`,
  audio: `/api/loops/${loop.id}/stems/${stem}`, card: loop.id,
});

export const passageOf = (loop) => ({
  id: `${loop.id}/passage`, ...loop.parts.passage, name: loop.nearest, audio: `/api/loops/${loop.id}/passage`, card: loop.id,
});

export const isPlaying = (id) => player.transport?.tracks.has(id) ?? false;

// Load loops, or parts of them, and start them together. `optionsOf` is called when they are loaded, and may return null.
export async function begin(several, alone, optionsOf) {
  const mine = alone ? ++turn : turn;
  const deleted = () => several.filter((what) => (loops.get(what.card ?? what.id)?.deleted_at ?? null) !== null).length;
  const before = deleted();
  const decoded = await Promise.all(several.map(bufferOf));
  if (mine !== turn || deleted() > before) return;
  several.forEach((what, number) => {
    const options = optionsOf(what, number);
    if (options) sound().start(what, decoded[number], options);
  });
  showMix();
}

// Start a loop on the next bar line, alone or with the others; stop it where it plays. Options: see Transport.start.
export async function play(what, options = { alone: true }) {
  const others = [...sound().tracks.keys()].filter((id) => id !== what.id);
  if (isPlaying(what.id) && !(options.alone && others.length)) stop(what.id);
  else await begin([what], options.alone, () => (options.alone || !isPlaying(what.id) ? options : null));
}

// Play the stems of a loop in step, instead of everything else.
export async function playStems(loop) {
  const stems = STEMS.filter((stem) => loop.parts.stems[stem] !== null).map((stem) => stemOf(loop, stem));
  await begin(stems, true, (stem, number) => ({ alone: number === 0 }));
}

function stop(id) {
  player.transport.stop(id);
  showMix();
}

// Stop a loop and its parts.
export function silence(loop) {
  const playing = [...(player.transport?.tracks.values() ?? [])].map((track) => track.loop);
  for (const what of playing) if ((what.card ?? what.id) === loop.id) stop(what.id);
}

export async function seek(loop, place) {
  if (!isPlaying(loop.id)) await play(loop);
  sound().seek(loop.id, place);
}

export function stopAll() {
  turn += 1;
  player.transport?.stopAll();
  showMix();
}

// While something plays: a page that is silent leaves the processor to the loops that are being made.
function moveHeads() {
  const { transport } = player;
  const playing = new Map([...transport.tracks.values()].map(({ loop }) => [loop.card ?? loop.id, transport.place(loop.id)]));
  for (const made of document.querySelectorAll("[data-head]")) {
    const place = playing.get(made.dataset.head) ?? null;
    made.hidden = place === null;
    if (place !== null) made.style.transform = `translateX(${place * made.parentElement.clientWidth}px)`;
  }
  const { bar, beat } = transport.position();
  const text = `${bar}.${beat}`;
  if ($("position").textContent !== text) $("position").textContent = text;
  moving = transport.tracks.size ? requestAnimationFrame(moveHeads) : null;
}

const showStrips = calmly(() => $("mix").replaceChildren(...[...(player.transport?.tracks.values() ?? [])].map(strip)));

export function showMix() {
  const tracks = player.transport ? [...player.transport.tracks.values()] : [];
  if (player.transport) moving ??= requestAnimationFrame(moveHeads);
  showStrips();
  $("play").textContent = tracks.length ? "■" : "▶";
  $("play").setAttribute("aria-label", tracks.length ? "Stop" : "Play");
  $("play").setAttribute("aria-pressed", String(tracks.length > 0));
  $("tempo").textContent = player.transport?.master ? tempo(player.transport.master.bpm) : "";
  for (const listener of player.onChange) listener();
}

function strip({ loop, volume, muted, solo }) {
  const name = loop.name ?? nameOf(loop);
  const set = (changes) => (player.transport.set(loop.id, changes), showMix());
  return element("li", {},
    element("span", { title: name }, name),
    element("input", {
      type: "range", min: "0", max: "1", step: "0.01", value: volume, "aria-label": `Volume of ${name}`,
      oninput: (event) => player.transport.set(loop.id, { volume: event.target.valueAsNumber }),
    }),
    button("M", () => set({ muted: !muted }), { "aria-pressed": String(muted), "aria-label": `Mute ${name}` }),
    button("S", () => set({ solo: !solo }), { "aria-pressed": String(solo), "aria-label": `Solo ${name}` }),
    button("×", () => stop(loop.id), { "aria-label": `Stop ${name}` }));
}
