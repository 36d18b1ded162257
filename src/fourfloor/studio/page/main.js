// The page: what the server tells goes to the store, keys and buttons to the actions.

import { act } from "/page/actions.js";
import { listenTogether } from "/page/api.js";
import { showDeleted } from "/page/deleted.js";
import { $, attempt, calmly, toast } from "/page/dom.js";
import { fillGrid } from "/page/grid.js";
import { redrawJobs } from "/page/jobs.js";
import { keys } from "/page/keys.js";
import { focused, shown, step } from "/page/library.js";
import { showModels, submit } from "/page/make.js";
import "/page/map.js";
import "/page/own.js";
import { play, player, stopAll } from "/page/sound.js";
import { toggle as toggleStream } from "/page/stream.js";
import { ask, on, state, take, takeGrid, takeJob, takeState } from "/page/store.js";
import "/page/training.js";
import { redo, undo } from "/page/undo.js";
import { current, show } from "/page/views.js";
import { recolor } from "/page/waves.js";

function toggle() {
  if (player.transport?.tracks.size) stopAll();
  else if (focused()) attempt(() => play(focused()));
}

const withLoop = (name, value) => () => focused() && act(name, focused(), value);
const card = () => document.querySelector(`.card[data-id="${focused()?.id}"] .more`);

keys({
  " ": ["play or stop", toggle],
  Enter: ["play this loop from the next bar", withLoop("play")],
  m: ["add this loop to the mix, or take it out", withLoop("mix")],
  b: ["A/B: this loop or the one it was made of", withLoop("compare")],
  j: ["next loop", () => step(1), true],
  k: ["loop before", () => step(-1), true],
  l: ["love this loop", withLoop("love")],
  g: ["make loops", submit],
  e: ["stream without end, or stop the stream", toggleStream],
  v: ["more like this loop", withLoop("vary", 0.3)],
  c: ["continue this loop", () => focused()?.bars <= 4 && act("extend", focused())],
  u: ["use this loop's settings", withLoop("again")],
  s: ["split this loop into stems", withLoop("stems")],
  i: ["write drums and bass as MIDI", withLoop("midi")],
  h: ["history of this loop", withLoop("history")],
  n: ["hear the nearest training music", () => focused()?.nearest && act("passage", focused())],
  p: ["put this loop on the clip grid", withLoop("grid")],
  o: ["more that can be done with this loop", () => card() && act("menu", focused(), card())],
  z: ["undo", undo],
  y: ["redo", redo],
  Delete: ["delete this loop", withLoop("delete")],
  d: ["deleted loops, to restore", () => attempt(showDeleted)],
  "/": ["search", () => (show("loops"), $("search").focus())],
  1: ["loops", () => show("loops")],
  2: ["clip grid", () => show("grid")],
  3: ["map", () => show("map")],
  4: ["my tracks", () => show("tracks")],
}, $("keys"), $("help"));

$("play").addEventListener("click", toggle);
$("pack").addEventListener("click", () => attempt(async () => {
  const chosen = shown().slice(0, 64).map((loop) => loop.id);
  if (chosen.length) await ask({ kind: "pack", loops: chosen });
  else toast("No loops are shown: there is nothing to pack.");
}));
$("fill-grid").addEventListener("click", () => attempt(() => fillGrid(shown())));
$("theme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = localStorage.theme = now === "dark" ? "light" : "dark";
  recolor();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
$("sound").addEventListener("click", () => {
  const open = $("make").toggleAttribute("data-open");
  $("sound").setAttribute("aria-expanded", String(open));
});

on("loaded", () => showModels(state.models));
on("job", (job) => {
  if (job.kind === "pack" && job.state === "done") toast("The pack is ready.", "Download", () => location.assign(`/api/packs/${job.id}`));
});
on("jobs", calmly(redrawJobs));
const heard = {
  ready: (now) => (($("connection").textContent = ""), takeState(now)),
  loop: take,
  job: takeJob,
  grid: ({ grid }) => takeGrid(grid),
  lost: () => ($("connection").textContent = "The studio does not answer; trying again"),
};
listenTogether((kind, content) => heard[kind](content));
show(current(), true);
window.fourfloor = { get transport() { return player.transport; } };
