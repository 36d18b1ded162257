// What was changed last is undone, and done again. A change is { back, forth }: each asks for it, and is answered.

import { Unanswered } from "/page/api.js";
import { attempt, toast } from "/page/dom.js";

const MOST = 200;
const done = [];
const undone = [];

// Remember a change before it is answered: undo may be asked for as soon as the server tells of it.
export function remember(change) {
  undone.length = 0;
  if (done.push(change) > MOST) done.shift();
  return change;
}

export function forget(change) {
  for (const list of [done, undone]) if (list.includes(change)) list.splice(list.indexOf(change), 1);
}

export const isDone = (change) => done.includes(change);

async function move(change, from, to, step) {
  from.splice(from.indexOf(change), 1);
  to.push(change);
  try {
    return await change[step]();
  } catch (error) {
    forget(change);
    if (error instanceof Unanswered) from.push(change); // to be tried again
    throw error;
  }
}

export const takeBack = (change) => isDone(change) && move(change, done, undone, "back");

async function last(from, to, step, nothing) {
  const change = from.at(-1);
  if (!change) return toast(nothing);
  const changed = await move(change, from, to, step);
  return changed === false ? last(from, to, step, nothing) : null; // it still waited for its turn, and then changed nothing
}

export const undo = () => attempt(() => last(done, undone, "back", "There is nothing to undo."));
export const redo = () => attempt(() => last(undone, done, "forth", "There is nothing to redo."));
