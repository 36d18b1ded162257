// Jobs that wait, run or failed, with progress, time left, and a way to cancel.

import { call } from "/page/api.js";
import { $, attempt, button, element, tempo } from "/page/dom.js";
import { jobs, loops, nameOf, on } from "/page/store.js";

const LOOPS = { generate: "Loops", vary: "Variations", fill: "New beats", extend: "Next bars", morph: "Morph", rekit: "Other drums", stems: "Stems", midi: "MIDI", passage: "Training music", import: "Your files", pack: "Pack" };
const TRACKS = { ingest: "Cutting tracks for", train: "Tuning" };
const SECONDS_SHOWN = 3600; // that a failed job is shown again after a reload
const began = new Map();
const dismissed = new Set();

// What tells a job from another one of its kind: the style and tempo of new loops, or the loop that is changed.
function nameOfJob(job, kind) {
  const { loop, style, bpm, name } = job.request;
  if (job.kind === "generate") return [kind, style, tempo(bpm)].filter(Boolean).join(", ");
  if (loops.has(loop)) return `${kind} of ${nameOf(loops.get(loop))}`;
  return TRACKS[job.kind] ? `${kind} ${name}` : kind;
}

export function redrawJobs() {
  list($("jobs"), LOOPS);
  list($("training-jobs"), TRACKS);
}

function list(place, names) {
  const shown = [...jobs.values()].filter((job) => names[job.kind] && !dismissed.has(job.id) && ["waiting", "running", "failed"].includes(job.state));
  const there = new Map([...place.children].map((made) => [made.dataset.job, made]));
  const rows = shown.map((job) => {
    const made = there.get(job.id);
    const name = nameOfJob(job, names[job.kind]);
    if (!made || made.dataset.state !== job.state) return row(job, name);
    fillIn(made, job, name); // a button that is being pressed stays
    return made;
  });
  if (rows.length !== place.children.length || rows.some((made, number) => made !== place.children[number])) place.replaceChildren(...rows);
}

function row(job, name) {
  const live = job.state !== "failed";
  const end = live
    ? button(job.kind === "train" ? "Stop and save" : "Cancel", () => attempt(() => call("DELETE", `/api/jobs/${job.id}`)))
    : button("Dismiss", () => (dismissed.add(job.id), redrawJobs()));
  const made = element("li", { class: `job ${job.state}`, "data-job": job.id, "data-state": job.state },
    element("span", {}), live ? element("progress", { max: "1", "aria-label": name }) : null, end);
  fillIn(made, job, name);
  return made;
}

function fillIn(made, job, name) {
  const share = job.total ? job.done / job.total : 0;
  made.firstChild.textContent = `${name}: ${job.state === "waiting" ? "waiting" : job.text || "starting"}${left(job, share)}`;
  const bar = made.querySelector("progress");
  if (bar) bar.value = share; // of unknown length it would be animated, which costs what the loops are made with
}

function left(job, share) {
  if (job.state !== "running") return "";
  if (!began.has(job.id)) began.set(job.id, performance.now());
  const seconds = (performance.now() - began.get(job.id)) / 1000;
  if (share < 0.05 || seconds < 2) return "";
  const rest = Math.round((seconds * (1 - share)) / share);
  return ` · ${rest >= 90 ? `${Math.round(rest / 60)} min` : `${rest} s`} left`;
}

on("loaded", (first) => {
  for (const job of first ? jobs.values() : []) if (job.state === "failed" && Date.now() / 1000 - job.made_at > SECONDS_SHOWN) dismissed.add(job.id);
});
