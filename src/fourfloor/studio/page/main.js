// The page: the library's state as the server tells it, the list of loops, the transport, and the keyboard.

import { audioOf, call, listen } from "/page/api.js";
import { card, element, tempo, viewer } from "/page/card.js";
import { showJobs } from "/page/jobs.js";
import { keys } from "/page/keys.js";
import { onMake, randomSeed, showModels, submit, use } from "/page/make.js";
import { MOST_TRACKS, Transport } from "/page/transport.js";
import { onTrainingJob, showTraining } from "/page/training.js";

const $ = (id) => document.getElementById(id);
const loops = new Map();
const jobs = new Map();
const dismissed = new Set();
const buffers = new Map();
let transport = null;
let onlyLoved = false;

// --- sound ---------------------------------------------------------------------------------------------------------

// At the loops' own rate nothing is resampled: what is heard is the file, sample by sample.
function sound() {
  if (!transport) {
    transport = new Transport(new AudioContext({ sampleRate: 44100, latencyHint: "interactive" }));
    setInterval(() => transport.ahead(), 500);
    requestAnimationFrame(moveHeads);
  }
  transport.context.resume();
  return transport;
}

async function bufferOf(loop) {
  if (!buffers.has(loop.id)) {
    const decoded = fetch(audioOf(loop)).then(async (answer) => {
      if (!answer.ok) throw new Error("The file of this loop is gone from the library folder.");
      return sound().context.decodeAudioData(await answer.arrayBuffer());
    });
    decoded.catch(() => buffers.delete(loop.id));
    buffers.set(loop.id, decoded);
    if (buffers.size > 4 * MOST_TRACKS) buffers.delete(buffers.keys().next().value);
  }
  return buffers.get(loop.id);
}

async function play(loop, { alone = true } = {}) {
  const player = sound();
  if (alone ? player.tracks.size === 1 && player.tracks.has(loop.id) : player.tracks.has(loop.id)) player.stop(loop.id);
  else player.start(loop, await bufferOf(loop), { alone });
  showMix();
}

function moveHeads() {
  for (const made of document.querySelectorAll(".card")) {
    const place = transport.place(made.dataset.id);
    made.head.hidden = place === null;
    if (place !== null) made.head.style.transform = `translateX(${place * made.head.parentElement.clientWidth}px)`;
  }
  const { bar, beat } = transport.position();
  const text = `${bar}.${beat}`;
  if ($("position").textContent !== text) $("position").textContent = text;
  requestAnimationFrame(moveHeads);
}

function showMix() {
  const tracks = transport ? [...transport.tracks.values()] : [];
  $("mix").replaceChildren(...tracks.map((track) => {
    const set = (changes) => (transport.set(track.loop.id, changes), showMix());
    return element("li", {},
      element("span", { title: track.loop.title }, `${track.loop.style ?? "any"} ${track.loop.seed}`),
      element("input", { type: "range", min: "0", max: "1", step: "0.01", value: track.volume, "aria-label": `Volume of ${track.loop.title}`, oninput: (event) => transport.set(track.loop.id, { volume: event.target.valueAsNumber }) }),
      element("button", { type: "button", "aria-pressed": String(track.muted), "aria-label": `Mute ${track.loop.title}`, onclick: () => set({ muted: !track.muted }) }, "M"),
      element("button", { type: "button", "aria-pressed": String(track.solo), "aria-label": `Solo ${track.loop.title}`, onclick: () => set({ solo: !track.solo }) }, "S"),
      element("button", { type: "button", "aria-label": `Stop ${track.loop.title}`, onclick: () => (transport.stop(track.loop.id), showMix()) }, "×"));
  }));
  $("play").textContent = tracks.length ? "■" : "▶";
  $("play").setAttribute("aria-label", tracks.length ? "Stop" : "Play");
  $("play").setAttribute("aria-pressed", String(tracks.length > 0));
  $("tempo").textContent = transport?.master ? tempo(transport.master.bpm) : "";
  for (const made of document.querySelectorAll(".card")) made.classList.toggle("playing", tracks.some((track) => track.loop.id === made.dataset.id));
}

// --- library -------------------------------------------------------------------------------------------------------

const orders = {
  new: (a, b) => b.made_at - a.made_at,
  best: (a, b) => a.faults.length - b.faults.length || (a.copy_score ?? 0) - (b.copy_score ?? 0),
  tempo: (a, b) => a.bpm - b.bpm || b.made_at - a.made_at,
};

function shown() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const from = $("bpm-from").valueAsNumber || 0;
  const to = $("bpm-to").valueAsNumber || Infinity;
  return [...loops.values()]
    .filter((loop) => loop.deleted_at === null && (!onlyLoved || loop.loved) && loop.bpm >= from && loop.bpm <= to)
    .filter((loop) => words.every((word) => [loop.title, loop.style, loop.model, ...loop.tags].join(" ").toLowerCase().includes(word)))
    .sort(orders[$("order").value]);
}

function showLoops() {
  const list = shown();
  const there = new Map([...$("loops").children].map((made) => [made.dataset.id, made]));
  const cards = list.map((loop) => (there.get(loop.id)?.loop === loop ? there.get(loop.id) : card(loop, act)));
  const focused = document.activeElement?.closest?.(".card")?.dataset.id;
  for (const [, made] of there) if (!cards.includes(made)) viewer.unobserve(made);
  $("loops").replaceChildren(...cards);
  for (const made of cards) viewer.observe(made);
  if (focused && !document.activeElement?.closest(".card")) cards.find((made) => made.dataset.id === focused)?.focus();
  const all = [...loops.values()].filter((loop) => loop.deleted_at === null).length;
  $("count").textContent = all ? `${list.length} of ${all} loops` : "No loops yet. Press G, or the button, and hear the first one in seconds.";
  showMix();
}

async function act(name, loop, value) {
  const actions = {
    play: () => play(loop),
    mix: () => play(loop, { alone: false }),
    seek: async () => {
      if (!sound().tracks.has(loop.id)) await play(loop);
      transport.seek(loop.id, value);
    },
    love: () => change(loop, { loved: !loop.loved }),
    tags: () => change(loop, { tags: value }),
    again: () => use(loop),
    vary: () => edit({ kind: "vary", amount: value, count: 4 }, loop),
    fill: () => edit({ kind: "fill", first_beat: value[0], last_beat: value[1] }, loop),
    extend: () => edit({ kind: "extend" }, loop),
    delete: async () => {
      transport?.stop(loop.id);
      take(await call("DELETE", `/api/loops/${loop.id}`));
      toast(`Deleted ${loop.title}.`, "Undo", async () => take(await call("POST", `/api/loops/${loop.id}/restore`)));
    },
  };
  await attempt(actions[name]);
}

const edit = (job, loop) => call("POST", "/api/jobs", { job: { ...job, loop: loop.id, model: loop.model, seed: randomSeed() } });

async function change(loop, changes) {
  take(await call("PATCH", `/api/loops/${loop.id}`, changes));
}

function take(loop) {
  const before = loops.get(loop.id);
  if (before && JSON.stringify(before) === JSON.stringify(loop)) return;
  loops.set(loop.id, loop);
  showLoops();
}

function takeJob(job) {
  jobs.set(job.id, job);
  redrawJobs();
  if (job.kind === "pack" && job.state === "done") {
    toast("The pack is ready.", "Download", () => location.assign(`/api/packs/${job.id}`));
  }
  onTrainingJob(job);
  if (job.kind === "train" && job.state === "done") load();
  if (job.kind === "ingest" && job.state === "done") load();
}

function redrawJobs() {
  showJobs($("jobs"), jobs, ["generate", "vary", "fill", "extend", "pack"], dismissed, redrawJobs);
  showJobs($("training-jobs"), jobs, ["ingest", "train"], dismissed, redrawJobs);
}

async function load() {
  const state = await call("GET", "/api/state");
  loops.clear();
  jobs.clear();
  for (const loop of state.loops) loops.set(loop.id, loop);
  for (const job of state.jobs) {
    jobs.set(job.id, job);
    if (job.state === "failed" && Date.now() / 1000 - job.made_at > 3600) dismissed.add(job.id);
  }
  showModels(state.models);
  showTraining(state, toast);
  showLoops();
  redrawJobs();
}

// --- page ----------------------------------------------------------------------------------------------------------

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message);
  }
}

function toast(text, label, action) {
  const made = element("p", { class: "toast" }, text, label ? element("button", { type: "button", onclick: () => (made.remove(), attempt(action)) }, label) : null);
  $("toasts").append(made);
  setTimeout(() => made.remove(), label ? 20000 : 8000);
}

function show(view) {
  for (const name of ["loops", "train"]) $(`view-${name}`).hidden = name !== view;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
}

for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
for (const id of ["search", "bpm-from", "bpm-to", "order"]) $(id).addEventListener("input", showLoops);
$("only-loved").addEventListener("click", () => {
  onlyLoved = !onlyLoved;
  $("only-loved").setAttribute("aria-pressed", String(onlyLoved));
  showLoops();
});
$("pack").addEventListener("click", () => attempt(async () => {
  const chosen = shown().slice(0, 64).map((loop) => loop.id);
  if (chosen.length) await call("POST", "/api/jobs", { job: { kind: "pack", loops: chosen } });
  else toast("No loops are shown: there is nothing to pack.");
}));
$("theme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = localStorage.theme = now === "dark" ? "light" : "dark";
});
if (localStorage.theme) document.documentElement.dataset.theme = localStorage.theme;

const focused = () => document.activeElement?.closest?.(".card")?.loop ?? shown()[0];
function toggle() {
  if (transport?.tracks.size) {
    transport.stopAll();
    showMix();
  } else if (focused()) attempt(() => play(focused()));
}
$("play").addEventListener("click", toggle);

function step(by) {
  const cards = [...$("loops").children];
  const at = cards.indexOf(document.activeElement?.closest?.(".card"));
  cards[Math.min(cards.length - 1, Math.max(0, at + by))]?.focus();
}

keys({
  " ": ["play or stop", toggle],
  Enter: ["play this loop from the next bar", () => focused() && attempt(() => play(focused()))],
  m: ["add this loop to the mix, or take it out", () => focused() && act("mix", focused())],
  j: ["next loop", () => step(1)],
  k: ["loop before", () => step(-1)],
  l: ["love this loop", () => focused() && act("love", focused())],
  g: ["make loops", submit],
  v: ["more like this loop", () => focused() && act("vary", focused(), 0.3)],
  c: ["continue this loop", () => focused() && focused().bars <= 4 && act("extend", focused())],
  u: ["use this loop's settings", () => focused() && act("again", focused())],
  Delete: ["delete this loop", () => focused() && act("delete", focused())],
  "/": ["search", () => $("search").focus()],
}, $("keys"), $("help"));

onMake(toast);
listen({
  ready: () => (($("connection").textContent = ""), attempt(load)),
  loop: take,
  job: takeJob,
  lost: () => ($("connection").textContent = "The studio does not answer; trying again"),
});
window.fourfloor = { get transport() { return transport; } };
