// A blind test: two loops at one loudness, nothing that tells which folder they are from, one answer a pair.

import { call, contentOf, reach } from "/page/api.js";
import { element } from "/page/dom.js";
import { Transport } from "/page/transport.js";

const $ = (id) => document.getElementById(id);
let transport = null;
let pair = 0;
let heard = new Set();
let asked = null; // what was asked for last: another loop that is loaded later does not start

async function play(place) {
  transport ??= new Transport(new AudioContext({ sampleRate: 44100 }));
  transport.context.resume();
  const name = (asked = `${pair}-${place}`);
  if (transport.tracks.has(name)) {
    transport.stopAll();
    return show();
  }
  const answer = await reach(`/api/blind/${pair}/${place}`);
  const buffer = answer.ok ? await transport.context.decodeAudioData(await answer.arrayBuffer()) : null;
  if (asked !== name) return;
  heard.add(place);
  if (buffer) {
    transport.stopAll(); // at once, not in time: the test is of loops, not of a mix
    transport.start({ id: name, bars: 4, bpm: 126 }, buffer);
  }
  show();
  if (!buffer) await contentOf(answer); // which says why the file cannot be read: choose "neither"
}

function show() {
  for (const place of [1, 2]) $(`play-${place}`).setAttribute("aria-pressed", String(!!transport?.tracks.has(`${pair}-${place}`)));
  for (const button of document.querySelectorAll("[data-keep]")) button.disabled = heard.size < 2;
}

async function keep(place) {
  if (heard.size < 2) return;
  transport.stopAll();
  const both = heard;
  asked = null;
  heard = new Set(); // each pair is answered once
  show();
  try {
    take(await call("POST", `/api/blind/${pair}`, { keep: place }));
  } catch (error) {
    heard = both;
    show();
    throw error;
  }
}

const attempt = (action) => action().catch((error) => ($("count").textContent = error.message));

function take(state) {
  const left = [...Array(state.pairs).keys()].filter((number) => !state.answered.includes(number));
  $("pair").hidden = left.length === 0;
  $("result").hidden = left.length > 0;
  if (left.length) {
    pair = left[0];
    heard = new Set();
    $("count").textContent = `Pair ${state.answered.length + 1} of ${state.pairs}. Hear both, then choose.`;
    show();
    return;
  }
  const { a, b, neither, p_value: chance, answers } = state.result;
  $("count").textContent = "All pairs are answered.";
  const verdict = chance < 0.05 ? `So uneven a count is unlikely by chance (p = ${chance.toPrecision(2)}).` : `The count may well be chance (p = ${chance.toPrecision(2)}).`;
  $("result").replaceChildren(
    element("h2", {}, `First folder ${a}, second folder ${b}, neither ${neither}`),
    element("p", {}, verdict), element("p", {}, `The answers are in ${answers}.`));
}

for (const place of [1, 2]) $(`play-${place}`).addEventListener("click", () => attempt(() => play(place)));
for (const button of document.querySelectorAll("[data-keep]")) button.addEventListener("click", () => attempt(() => keep(Number(button.dataset.keep))));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("button")) return;
  if (event.key === "a") attempt(() => play(1));
  else if (event.key === "s") attempt(() => play(2));
  else if (["0", "1", "2"].includes(event.key)) attempt(() => keep(Number(event.key)));
});
take(await call("GET", "/api/blind"));
