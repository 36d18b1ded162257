// Jobs that wait, run or failed, with progress, time left, and a way to cancel.

import { call } from "/page/api.js";
import { element } from "/page/card.js";

const names = { generate: "Loops", vary: "Variations", fill: "New region", extend: "Next bars", pack: "Pack", ingest: "Cutting tracks", train: "Tuning" };
const began = new Map();

// Show the jobs of the given kinds in a list; failed ones until they are dismissed.
export function showJobs(list, jobs, kinds, dismissed, redraw) {
  const shown = [...jobs.values()].filter((job) => kinds.includes(job.kind) && !dismissed.has(job.id) && ["waiting", "running", "failed"].includes(job.state));
  list.replaceChildren(...shown.map((job) => row(job, dismissed, redraw)));
}

function row(job, dismissed, redraw) {
  const live = job.state !== "failed";
  const share = job.total ? job.done / job.total : 0;
  const button = element("button", { type: "button", onclick: () => (live ? call("DELETE", `/api/jobs/${job.id}`) : (dismissed.add(job.id), redraw())) }, live ? (job.kind === "train" ? "Stop" : "Cancel") : "Dismiss");
  return element("li", { class: `job ${job.state}` },
    element("span", {}, `${names[job.kind]}: ${job.state === "waiting" ? "waiting" : job.text || "starting"}${left(job, share)}`),
    live ? element("progress", { max: "1", value: share || null, "aria-label": names[job.kind] }) : null, button);
}

function left(job, share) {
  if (job.state !== "running") return "";
  if (!began.has(job.id)) began.set(job.id, performance.now());
  const seconds = (performance.now() - began.get(job.id)) / 1000;
  if (share < 0.05 || seconds < 2) return "";
  const rest = Math.round((seconds * (1 - share)) / share);
  return ` · ${rest >= 90 ? `${Math.round(rest / 60)} min` : `${rest} s`} left`;
}
