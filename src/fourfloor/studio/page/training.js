// My tracks: drop them, see what became of each, tune the model to them, watch the curve and listen on the way.

import { call } from "/page/api.js";
import { element } from "/page/card.js";

const $ = (id) => document.getElementById(id);
let say = () => {};
let upload = null;
let watched = null;

export function showTraining(state, toast) {
  say = toast;
  const chosen = $("train").dataset_().value;
  $("train").dataset_().replaceChildren(...state.datasets.map((name) => element("option", {}, name)));
  if (state.datasets.includes(chosen)) $("train").dataset_().value = chosen;
  const seen = $("runs").value;
  $("runs").replaceChildren(...state.runs.map((name) => element("option", {}, name)));
  if (state.runs.includes(seen)) $("runs").value = seen;
  if ($("runs").value) watch($("runs").value);
  const last = state.jobs.filter((job) => job.kind === "ingest" && job.result).at(-1);
  if (last) showReport(last.result);
}

$("train").dataset_ = () => $("train").elements.namedItem("dataset"); // form.dataset is its data attributes

export function onTrainingJob(job) {
  if (job.kind === "ingest" && job.state === "done") showReport(job.result);
  if (job.kind === "train" && ["running", "done", "canceled"].includes(job.state)) {
    if (![...$("runs").options].some((option) => option.value === job.request.name)) $("runs").append(element("option", {}, job.request.name));
    $("runs").value = job.request.name;
    watch(job.request.name);
  }
  if (job.kind === "train" && job.state === "done") say(job.result.unchanged_from ? "Tuning changed nothing: these tracks are already like the model." : `The model ${job.request.name} is in the menu.`);
}

// --- tracks --------------------------------------------------------------------------------------------------------

async function send(files) {
  upload = `upload-${Date.now().toString(36)}`;
  let sent = 0;
  for (const file of files) {
    $("drop").dataset.state = `Sending ${sent + 1} of ${files.length}`;
    try {
      await call("PUT", `/api/uploads/${upload}/${encodeURIComponent(file.name)}`, file);
      sent += 1;
    } catch (error) {
      say(`${file.name}: ${error.message}`);
    }
  }
  $("drop").dataset.state = sent ? `${sent} of ${files.length} tracks are here: cut them into loops` : "";
  if (!sent) upload = null;
}

$("files").addEventListener("change", (event) => send([...event.target.files]));
$("drop").addEventListener("dragover", (event) => (event.preventDefault(), $("drop").classList.add("over")));
$("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
$("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  send([...event.dataTransfer.files]);
});

$("ingest").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const folder = form.folder.value.trim();
  if (!folder && !upload) return say("Drop tracks, or name a folder of this machine.");
  const source = folder ? { folder } : { upload };
  await ask({ kind: "ingest", name: form.elements.namedItem("name").value, ...source });
});

$("train").addEventListener("submit", async (event) => {
  event.preventDefault();
  const dataset = $("train").dataset_().value;
  if (!dataset) return say("Cut tracks into loops first.");
  await ask({ kind: "train", name: dataset, dataset, minutes: $("train").minutes.valueAsNumber });
});

async function ask(job) {
  try {
    await call("POST", "/api/jobs", { job });
  } catch (error) {
    say(error.message);
  }
}

function showReport(report) {
  const rows = report.tracks.map((track) => [track.file ?? track.track, track.bpm ? track.bpm.toFixed(2) : "", track.loops, [...(track.repairs ?? [])].join("; ")]);
  const refused = report.rejected.map((track) => [track.file, "", 0, track.reason]);
  $("report").replaceChildren(element("table", {},
    element("caption", {}, `${report.loops} loops from ${report.tracks.length} tracks`),
    element("thead", {}, element("tr", {}, ...["Track", "BPM", "Loops", "Notes"].map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...[...rows, ...refused].map((row) => element("tr", {}, ...row.map((value) => element("td", {}, String(value))))))));
}

// --- curve and sounds ----------------------------------------------------------------------------------------------

$("runs").addEventListener("change", () => watch($("runs").value));

async function watch(name) {
  watched = name;
  const run = await call("GET", `/api/runs/${encodeURIComponent(name)}`).catch(() => null);
  if (!run || watched !== name) return;
  drawCurve(run.curve);
  const known = new Set([...$("sounds").children].map((row) => row.dataset.sound));
  const wanted = run.sounds.map((file) => `${name}/${file}`);
  if (wanted.every((sound) => known.has(sound)) && known.size === wanted.length) return;
  $("sounds").replaceChildren(...run.sounds.slice(-12).map((file) => element("li", { "data-sound": `${name}/${file}` },
    element("span", {}, file), element("audio", { controls: true, loop: true, preload: "none", src: `/api/runs/${encodeURIComponent(name)}/sounds/${encodeURIComponent(file)}` }))));
}

function drawCurve(points) {
  const canvas = $("curve");
  const ink = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  ink.clearRect(0, 0, canvas.width, canvas.height);
  const values = points.flatMap((point) => [point.loss, point.validation].filter(Number.isFinite));
  canvas.setAttribute("aria-label", points.length ? `Loss by step, ${points.length} points, last ${values.at(-1).toFixed(3)}` : "No curve yet");
  if (!values.length) return;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = points.at(-1).step || 1;
  const x = (step) => 40 + ((canvas.width - 50) * step) / last;
  const y = (value) => 10 + (canvas.height - 40) * (1 - (value - low) / (high - low || 1));
  for (const [name, color] of [["loss", "--wave"], ["validation", "--accent"]]) {
    const line = points.filter((point) => Number.isFinite(point[name]));
    ink.strokeStyle = style.getPropertyValue(color).trim();
    ink.lineWidth = 2;
    ink.beginPath();
    line.forEach((point, number) => (number ? ink.lineTo : ink.moveTo).call(ink, x(point.step), y(point[name])));
    ink.stroke();
  }
  ink.fillStyle = style.getPropertyValue("--text").trim();
  ink.font = "12px system-ui";
  ink.fillText(high.toFixed(2), 2, 16);
  ink.fillText(low.toFixed(2), 2, canvas.height - 30);
  ink.fillText(`step ${last}   thin: training, thick: held out`, 40, canvas.height - 8);
}
