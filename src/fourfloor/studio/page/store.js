// The library's state as the server tells it; the parts of the page are told of changes.

import { call } from "/page/api.js";

export const loops = new Map();
export const jobs = new Map();
export const state = { models: [], datasets: [], runs: [], grid: {}, torch: true };
const listeners = { loops: [], jobs: [], job: [], grid: [], loaded: [] };
const ended = new Map();

export const on = (kind, listener) => listeners[kind].push(listener);
const tell = (kind, content) => listeners[kind].forEach((listener) => listener(content));

export const alive = () => [...loops.values()].filter((loop) => loop.deleted_at === null);
export const children = (loop) => alive().filter((other) => other.parent === loop.id).sort((a, b) => a.made_at - b.made_at);

const names = { vary: "Like", fill: "New beats in", extend: "Longer:", morph: "Morph of", rekit: "Other drums:" };

// The titles of such loops, until somebody gives them another.
const given = { vary: /_vary-\S+_s\d+$/, fill: /_fill-\S+_s\d+$/, extend: /_(next|continued)_s\d+$/, morph: /_to_.+_\d+$/, rekit: /_rekit$/ };

const several = new Set(["vary", "morph"]); // loops that a job makes

// What a loop is called on the page: what it was asked for, or what it was made of.
export function nameOf(loop) {
  if (loop.name) return loop.name;
  const parent = loops.get(loop.parent);
  if (given[loop.verb]?.test(loop.title)) return `${names[loop.verb]} ${parent ? nameOf(parent) : "a loop"}${several.has(loop.verb) ? ` #${Number(loop.id.split("-")[1]) + 1}` : ""}`;
  if (loop.verb === "import" || !loop.title.startsWith("fourfloor_")) return loop.title;
  return `${loop.style ?? loop.model.split("/").at(-1)} ${loop.seed}`;
}

export const hasEnded = (job) => ["done", "failed", "canceled"].includes(job.state);
const same = (before, loop) => before && JSON.stringify(before) === JSON.stringify(loop);

export function take(loop) {
  if (same(loops.get(loop.id), loop)) return;
  loops.set(loop.id, loop);
  tell("loops");
}

export function takeJob(job) {
  jobs.set(job.id, job);
  tell("jobs");
  tell("job", job);
  if (hasEnded(job)) {
    ended.get(job.id)?.(job);
    ended.delete(job.id);
  }
}

export function takeGrid(grid) {
  state.grid = grid;
  tell("grid");
}

// Ask for a job; the answer comes when it has ended. What failed is listed with the jobs, so it is not said twice.
export async function ask(job) {
  const asked = await call("POST", "/api/jobs", { job });
  return new Promise((resolve) => {
    const now = jobs.get(asked.id);
    if (now && hasEnded(now)) resolve(now);
    else ended.set(asked.id, resolve);
  });
}

// Changes of one thing are asked for one after another, each when the one before has been answered.
const turns = new Map();

export function inTurn(thing, asks) {
  const answer = (turns.get(thing) ?? Promise.resolve()).then(asks);
  const ended = answer.catch(() => {}).then(() => turns.get(thing) === ended && turns.delete(thing));
  turns.set(thing, ended);
  return answer;
}

// Ask for a change of a loop. What the server told of it before the answer came is as new, or newer.
async function answered(loop, method, path, body) {
  const before = loops.get(loop.id);
  const row = await call(method, `/api/loops/${loop.id}${path}`, body);
  if (loops.get(loop.id) === before) take(row);
}

// Change a loop: `changesOf` gets it as it is when its turn comes, and may return null. Answers whether it changed.
export const change = (loop, changesOf) => inTurn(loop.id, async () => {
  const changes = changesOf(loops.get(loop.id) ?? loop);
  if (changes) await answered(loop, "PATCH", "", changes);
  return !!changes;
});
export const remove = (loop) => inTurn(loop.id, () => answered(loop, "DELETE", ""));
export const restore = (loop) => inTurn(loop.id, () => answered(loop, "POST", "/restore"));

// What jobs change beside the loops. Of loops and jobs the server tells by itself: an answer may be older than that.
export const load = () => inTurn("lists", async () => {
  const { models, datasets, runs } = await call("GET", "/api/state");
  Object.assign(state, { models, datasets, runs });
  tell("loaded", false);
});

export function takeState(now) {
  Object.assign(state, now);
  const known = new Map(loops);
  loops.clear();
  for (const loop of state.loops) loops.set(loop.id, same(known.get(loop.id), loop) ? known.get(loop.id) : loop);
  const before = new Map(jobs);
  jobs.clear();
  for (const job of state.jobs) jobs.set(job.id, job);
  tell("loaded", before.size === 0);
  tell("loops");
  tell("jobs");
  tell("grid");
  for (const [id, resolve] of ended) if (jobs.has(id) && hasEnded(jobs.get(id))) resolve(jobs.get(id)), ended.delete(id);
}
