// What can be done with a loop, by a button, the menu or a key; and how the last change is undone.

import { call } from "/page/api.js";
import { attempt, toast } from "/page/dom.js";
import { putOnGrid } from "/page/grid.js";
import { showHistory } from "/page/history.js";
import { askForKit } from "/page/kit.js";
import { morphFrom, pickMorph, showOnly, showSimilar } from "/page/library.js";
import { randomSeed, use } from "/page/make.js";
import { openMenu } from "/page/menu.js";
import { askForName } from "/page/rename.js";
import { openSlices } from "/page/slices.js";
import { isPlaying, passageOf, play, player, playStems, seek, showMix } from "/page/sound.js";
import { ask, change, loops, nameOf, state, take } from "/page/store.js";

const undone = [];
const MOST_UNDONE = 200;

const remember = (undo) => undone.push(undo) > MOST_UNDONE && undone.shift();

export async function undo() {
  const last = undone.pop();
  if (last) await attempt(last);
  else toast("There is nothing to undo.");
}

async function set(loop, changes) {
  const before = Object.fromEntries(Object.keys(changes).map((name) => [name, name === "loved" ? !!loop.loved : loop[name]]));
  remember(() => change(loop, before));
  await change(loop, changes);
}

const modelOf = (loop) => (state.models.some((model) => model.source === loop.model && !model.damaged) ? loop.model : document.getElementById("make").model.value);
const edit = (loop, job) => ask({ ...job, loop: loop.id, model: modelOf(loop), seed: randomSeed() });

// Switch between a loop and another one where they are, on the next beat.
export const swap = (loop, other) => play(isPlaying(loop.id) ? other : loop, { alone: true, swap: true });

const actions = {
  play: (loop) => play(loop),
  mix: (loop) => play(loop, { alone: false }),
  seek,
  compare: (loop) => loops.get(loop.parent) && swap(loop, loops.get(loop.parent)),
  love: (loop) => set(loop, { loved: !loop.loved }),
  tags: (loop, tags) => set(loop, { tags }),
  rename: (loop) => askForName(loop.title, (title) => (title && title !== loop.title ? set(loop, { title }) : null)),
  again: use,
  vary: (loop, amount) => edit(loop, { kind: "vary", amount, count: 4 }),
  fill: (loop, [first, last]) => edit(loop, { kind: "fill", first_beat: first, last_beat: last }),
  extend: (loop) => edit(loop, { kind: "extend" }),
  morphFrom: pickMorph,
  morph: (loop) => {
    const from = morphFrom();
    pickMorph(null);
    return from && edit(from, { kind: "morph", other: loop.id, steps: 5 });
  },
  kit: (loop) => askForKit((options) => edit(loop, { kind: "rekit", ...options })),
  stems: (loop) => ask({ kind: "stems", loop: loop.id }),
  midi: (loop) => ask({ kind: "midi", loop: loop.id }),
  playStems,
  passage: async (loop) => {
    if (!loop.parts.passage && (await ask({ kind: "passage", loop: loop.id })).state !== "done") return;
    const other = passageOf(loops.get(loop.id));
    await (isPlaying(other.id) ? play(loop, { alone: true }) : play(other, { alone: true }));
  },
  slices: openSlices,
  similar: showSimilar,
  history: (loop) => showHistory(loop, act),
  grid: putOnGrid,
  pack: (loop) => ask({ kind: "pack", loops: [loop.id] }),
  show: showOnly,
  menu: (loop, from) => openMenu(loop, from, act),
  delete: async (loop) => {
    player.transport?.stop(loop.id);
    showMix();
    const gone = call("DELETE", `/api/loops/${loop.id}`);
    const restore = async () => {
      await gone; // else its late answer would take the restored card away
      take(await call("POST", `/api/loops/${loop.id}/restore`));
    };
    remember(restore); // before the answer: the card may go, and undo be asked for, as soon as the server tells of it
    take(await gone);
    toast(`Deleted ${nameOf(loop)}.`, "Undo", () => (undone.splice(undone.indexOf(restore), 1), restore()));
  },
};

export const act = (name, loop, value) => attempt(() => actions[name](loop, value));
