// What can be done with a loop, by a button, the menu or a key.

import { attempt, toast } from "/page/dom.js";
import { putOnGrid } from "/page/grid.js";
import { showHistory } from "/page/history.js";
import { askForKit } from "/page/kit.js";
import { morphFrom, pickMorph, showOnly, showSimilar } from "/page/library.js";
import { randomSeed, use } from "/page/make.js";
import { openMenu } from "/page/menu.js";
import { askForName } from "/page/rename.js";
import { openSlices } from "/page/slices.js";
import { isPlaying, passageOf, play, playStems, seek, silence, undisturbed } from "/page/sound.js";
import { ask, change, loops, nameOf, remove, restore, state } from "/page/store.js";
import { forget, isDone, remember, takeBack } from "/page/undo.js";

const valueOf = (loop, name) => (name === "loved" ? !!loop.loved : loop[name]);

// Ask for a change that can be undone, unless it is refused.
async function asking(made, asks) {
  remember(made);
  try {
    await asks();
  } catch (error) {
    forget(made);
    throw error;
  }
}

// Change what is said of a loop, and remember what was said before: that is known when the change has its turn.
async function set(loop, changesOf) {
  let [before, after] = [null, null];
  const made = { back: () => change(loop, () => before), forth: () => change(loop, () => after) };
  await asking(made, () => change(loop, (now) => {
    const changes = changesOf(now);
    const names = Object.keys(changes).filter((name) => JSON.stringify(changes[name]) !== JSON.stringify(valueOf(now, name)));
    if (!names.length) return forget(made), null;
    [before, after] = [Object.fromEntries(names.map((name) => [name, valueOf(now, name)])), changes];
    return changes;
  }));
}

const away = (loop) => (silence(loop), remove(loop));

const modelOf = (loop) => (state.models.some((model) => model.source === loop.model && !model.damaged) ? loop.model : document.getElementById("make").model.value);
const edit = (loop, job) => ask({ ...job, loop: loop.id, model: modelOf(loop), seed: randomSeed() });

const waiting = new Set(); // what is asked for and not answered yet

async function once(name, made) {
  if (waiting.has(name)) return;
  waiting.add(name);
  await asking(made, made.forth).finally(() => waiting.delete(name));
}

// Switch between a loop and another one where they are, on the next beat.
export const swap = (loop, other) => play(isPlaying(loop.id) ? other : loop, { alone: true, swap: true });

const actions = {
  play: (loop) => play(loop),
  mix: (loop) => play(loop, { alone: false }),
  seek,
  compare: (loop) => loops.get(loop.parent) && swap(loop, loops.get(loop.parent)),
  love: (loop) => set(loop, () => ({ loved: !loop.loved })), // as the heart that was clicked shows it
  tag: (loop, tag) => set(loop, ({ tags }) => ({ tags: [...new Set([...tags, tag])] })),
  untag: (loop, tag) => set(loop, ({ tags }) => ({ tags: tags.filter((other) => other !== tag) })),
  rename: (loop) => askForName(loop.title, (title) => (title ? set(loop, () => ({ title })) : null)),
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
    const isLast = undisturbed();
    if (!loop.parts.passage && (await ask({ kind: "passage", loop: loop.id })).state !== "done") return;
    if (!isLast()) return;
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
  restore: (loop) => once(`restore ${loop.id}`, { back: () => away(loop), forth: () => restore(loop) }),
  delete: async (loop) => {
    let message = null;
    const made = { back: () => (message?.remove(), restore(loop)), forth: () => away(loop) };
    await once(`delete ${loop.id}`, made);
    if (isDone(made)) message = toast(`Deleted ${nameOf(loop)}.`, "Undo", () => takeBack(made));
  },
};

export const act = (name, loop, value) => attempt(() => actions[name](loop, value));
