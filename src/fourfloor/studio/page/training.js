// My tracks: drop them, see what became of each, tune the model to them, watch the curve and listen on the way.

import { call } from "/page/api.js";
import { drawCurve } from "/page/curve.js";
import { $, attempt, button, element, tempo, toast } from "/page/dom.js";
import { onDrop, send } from "/page/own.js";
import { isPlaying, play, player } from "/page/sound.js";
import { ask, hasEnded, inTurn, jobs, load, on, state } from "/page/store.js";
import { current, onShow } from "/page/views.js";

const SECONDS_BETWEEN = 2; // two looks at a training
const [ingest, train] = [$("ingest"), $("train")];
const dataset = train.elements.namedItem("dataset"); // form.dataset is its data attributes
let upload = null; // that is here whole
let isSending = false;
let curve = []; // that is shown

// --- tracks --------------------------------------------------------------------------------------------------------

const sendTracks = (files) => inTurn("tracks", async () => {
  isSending = true;
  upload = null;
  const name = `upload-${Date.now().toString(36)}`;
  const sent = await send(files, name, (done, all) => ($("drop").dataset.state = `Sending ${done + 1} of ${all}`));
  isSending = false;
  $("drop").dataset.state = sent ? `${sent} of ${files.length} files are here: cut them into loops` : "";
  if (!sent) return;
  upload = name;
  ingest.folder.value = "";
});

for (const id of ["files", "folder-files"]) {
  $(id).addEventListener("change", async (event) => {
    await attempt(() => sendTracks([...event.target.files]));
    event.target.value = ""; // the same ones may be chosen again
  });
}
onDrop($("drop"), sendTracks);

ingest.addEventListener("submit", (event) => {
  event.preventDefault();
  const folder = ingest.folder.value.trim();
  if (!folder && isSending) return toast("Your tracks are still being sent. Cut them into loops when all are here.");
  if (!folder && !upload) return toast("Drop tracks, choose some, or name a folder on this machine.");
  const source = folder ? { folder } : { upload };
  return attempt(() => ask({ kind: "ingest", name: ingest.elements.namedItem("name").value, ...source }));
});

train.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!dataset.value) return toast("Cut tracks into loops first.");
  return attempt(() => ask({ kind: "train", name: dataset.value, dataset: dataset.value, minutes: train.minutes.valueAsNumber }));
});

function showReport(report) {
  const notes = (track) => [...track.repairs, ...Object.entries(track.dropped).map(([reason, count]) => `${count} left out: ${reason}`)].join("; ");
  const name = (track) => element("span", { title: track.file }, track.file.split("/").at(-1));
  const rows = report.tracks.map((track) => [name(track), tempo(track.bpm), track.loops, notes(track)]);
  const refused = report.rejected.map((track) => [name(track), "", 0, track.reason]);
  const row = (values, kind) => element("tr", { class: kind }, ...values.map((value) => element("td", {}, value)));
  const total = `${report.loops} loops from ${rows.length} of ${rows.length + refused.length} files`;
  $("report").replaceChildren(element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "What became of each file" }, element("table", {},
    element("caption", {}, total),
    element("thead", {}, element("tr", {}, ...["File", "Tempo", "Loops", "Notes"].map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows.map((values) => row(values, "")), ...refused.map((values) => row(values, "refused"))))));
}

// --- curve and sounds ----------------------------------------------------------------------------------------------

async function watch() {
  const name = $("runs").value;
  if (!name) return;
  const run = await call("GET", `/api/runs/${encodeURIComponent(name)}`).catch((error) => {
    if (state.runs.includes(name)) throw error;
    return { curve: [], sounds: [] }; // it has just begun: nothing is written yet
  });
  if ($("runs").value !== name) return;
  showCurve(run.curve);
  showNotes();
  const listed = JSON.stringify([name, run.sounds]);
  if ($("sounds").dataset.listed === listed) return;
  $("sounds").dataset.listed = listed;
  $("sounds").replaceChildren(...run.sounds.slice(0, 16).map((sound) => soundRow(name, sound)));
}

function showCurve(points = curve) {
  curve = points;
  drawCurve($("curve"), curve);
  $("held-out").hidden = !curve.some((point) => Number.isFinite(point.validation));
}

function soundRow(run, { step, file, bpm, bars }) {
  const what = { id: `${run}/${step}/${file}`, bpm, bars, name: `step ${step}, ${tempo(bpm)}`, audio: `/api/runs/${encodeURIComponent(run)}/sounds/${step}/${encodeURIComponent(file)}` };
  return element("li", { "data-sound": what.id },
    button("▶", () => attempt(() => play(what)), { class: "play", "aria-label": `Play the loop of ${what.name}` }), element("span", {}, `After step ${step} · `, element("small", {}, tempo(bpm))));
}

function markSounds() {
  for (const row of $("sounds").children) row.firstElementChild.textContent = isPlaying(row.dataset.sound) ? "■" : "▶";
}

// What a finished training says of itself.
function showNotes() {
  const last = [...jobs.values()].filter((job) => job.kind === "train" && job.state === "done" && job.request.name === $("runs").value).at(-1);
  $("told").replaceChildren(...(last?.result?.notes ?? []).map((note) => element("li", {}, note)));
}

function sayEnd({ kind, state: end, result, request: { name } }) {
  if (kind !== "train") return;
  if (end === "canceled") toast(`Tuning ${name} has stopped and is saved. It goes on from there.`);
  if (end === "done") toast(result.unchanged_from ? "Tuning changed nothing: these tracks are already like the model." : `The model ${name} is in the menu.`);
}

const running = () => [...jobs.values()].filter((job) => job.kind === "train" && job.state === "running").map((job) => job.request.name);
const isTraining = () => running().length > 0;
const runs = () => [...new Set([...state.runs, ...running()])];

// --- page ----------------------------------------------------------------------------------------------------------

function options(select, names, wanted) {
  const chosen = wanted ?? select.value;
  select.replaceChildren(...names.map((name) => element("option", {}, name)));
  if (names.includes(chosen)) select.value = chosen;
}

// A training that was begun goes on where it stopped.
function showTune() {
  train.querySelector("button").textContent = runs().includes(dataset.value) ? "Go on tuning" : "Tune the model";
}

function showTraining() {
  options(dataset, state.datasets);
  if (!state.datasets.length) dataset.append(element("option", { value: "" }, "Cut tracks into loops first"));
  options($("runs"), runs());
  const last = [...jobs.values()].filter((job) => job.kind === "ingest" && job.result).at(-1);
  if (last) showReport(last.result);
  $("no-torch").hidden = state.torch;
  $("watch").hidden = !runs().length;
  showTune();
  attempt(watch);
}

on("loaded", showTraining);
on("job", (job) => {
  if (!["ingest", "train"].includes(job.kind)) return;
  if (hasEnded(job)) attempt(load).then(() => sayEnd(job));
  if (job.kind === "ingest" && job.state === "done") {
    showReport(job.result);
    options(dataset, [...new Set([...state.datasets, job.result.dataset])], job.result.dataset);
  }
  const { name } = job.request;
  if (job.kind === "train" && job.state === "running" && ![...$("runs").options].some((option) => option.value === name)) {
    $("watch").hidden = false;
    options($("runs"), runs(), name);
    showTune();
  }
});
dataset.addEventListener("change", showTune);
$("runs").addEventListener("change", () => attempt(watch));
onShow("tracks", () => attempt(watch));
player.onChange.push(markSounds);
new ResizeObserver(() => showCurve()).observe($("curve"));
setInterval(() => current() === "tracks" && isTraining() && attempt(watch), 1000 * SECONDS_BETWEEN);
