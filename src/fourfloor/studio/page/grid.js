// The clip grid: eight columns that play one loop each, on one clock. A clip starts on the next bar line.

import { call } from "/page/api.js";
import { $, attempt, button, calmly, element, length, tempo, toast } from "/page/dom.js";
import { begin, bufferOf, isPlaying, player, showMix, sound } from "/page/sound.js";
import { inTurn, loops, nameOf, on, state, takeGrid } from "/page/store.js";
import { current, onShow } from "/page/views.js";

const COLUMNS = 8;
const ROWS = 4;

const at = (place) => loops.get(state.grid[place] ?? "");
const clip = (place) => (at(place)?.deleted_at === null ? at(place) : undefined);
const inGrid = (changes) => inTurn("grid", changes); // what is free is known when the change before has been answered

async function put(place, loop) {
  const before = state.grid;
  const grid = await call("PUT", `/api/grid/${place}`, { loop });
  if (state.grid === before) takeGrid(grid); // else the server told of it, or of a later one
}

// Which loop of a column plays; a loop that lies in two columns counts in the one it was started in.
const started = new Map();
const playing = (place) => (isPlaying(started.get(place % COLUMNS)) ? started.get(place % COLUMNS) : null);

export const putOnGrid = (loop) => inGrid(async () => {
  const places = [...Array(COLUMNS * ROWS).keys()];
  const free = places.find((place) => !clip(place));
  if (free === undefined) throw new Error("The clip grid is full: empty a place first.");
  await put(free, loop.id);
  toast(`${nameOf(loop)} is on the clip grid.`);
});

const asked = new Map(); // the place of a column that was asked for last: another one, loaded later, does not start

async function launch(place) {
  const [loop, column] = [clip(place), place % COLUMNS];
  asked.set(column, place);
  if (loop && playing(place) !== loop.id) {
    await begin([loop], false, () => {
      const before = playing(place);
      if (asked.get(column) !== place || before === loop.id) return null;
      started.set(column, loop.id);
      return { replace: before };
    });
    return;
  }
  if (playing(place)) sound().stop(playing(place), sound().nextBar());
  started.delete(column);
  showMix();
}

// Start a row: every column that has a clip in it changes to it on the same bar line.
async function scene(row) {
  const places = [...Array(COLUMNS).keys()].map((number) => row * COLUMNS + number).filter((place) => clip(place) && playing(place) !== clip(place).id);
  await Promise.all(places.map((place) => bufferOf(clip(place))));
  for (const place of places) await launch(place);
}

function draw() {
  if (current() !== "grid") return;
  const focus = document.activeElement?.closest?.("#grid button")?.dataset.key;
  $("grid").replaceChildren(...[...Array(ROWS).keys()].map((row) => element("div", { class: "row" },
    button("▶", () => attempt(() => scene(row)), { class: "scene", "data-key": `row ${row}`, "aria-label": `Start row ${row + 1}` }),
    ...[...Array(COLUMNS).keys()].map((number) => pad(row * COLUMNS + number)))));
  if (focus) $("grid").querySelector(`[data-key="${focus}"]`)?.focus();
}

function pad(place) {
  const loop = clip(place);
  const lit = loop && playing(place) === loop.id;
  const label = loop ? `${nameOf(loop)}, ${tempo(loop.bpm)}, ${length(loop.bars)}` : "empty";
  const where = `column ${(place % COLUMNS) + 1}, row ${Math.floor(place / COLUMNS) + 1}`;
  const made = element("div", { class: "place" }, button("", () => attempt(() => launch(place)), {
    class: `pad${loop ? "" : " empty"}`, "data-key": String(place), "aria-pressed": String(!!lit), draggable: loop ? "true" : null,
    "aria-label": `C${where.slice(1)}: ${label}`,
    title: loop ? "Click to start it on the next bar line, Del to empty the place" : "Click to stop the column",
    onkeydown: (event) => move(event, place),
    ondragstart: (event) => event.dataTransfer.setData("text/x-place", String(place)),
    ondragover: (event) => event.dataTransfer.types.includes("text/x-place") && event.preventDefault(),
    ondrop: (event) => (event.preventDefault(), attempt(() => trade(Number(event.dataTransfer.getData("text/x-place")), place))),
  }));
  if (!loop) return made;
  const picture = element("img", { src: `/api/loops/${loop.id}/spectrogram`, alt: "", width: 640, height: 160, draggable: "false" });
  made.append(
    element("div", { class: "label", "aria-hidden": "true" }, element("span", {}, nameOf(loop)), picture),
    button("×", () => attempt(() => empty(place)), { class: "out", tabindex: "-1", "aria-label": `Empty ${where}` }));
  return made;
}

const empty = (place) => inGrid(() => put(place, null));

const trade = (from, to) => inGrid(async () => {
  const [first, second] = [state.grid[from] ?? null, state.grid[to] ?? null];
  await put(to, first);
  await put(from, second);
});

function move(event, place) {
  const [row, number] = [Math.floor(place / COLUMNS), place % COLUMNS];
  const to = {
    ArrowRight: number < COLUMNS - 1 ? place + 1 : place, ArrowLeft: number ? place - 1 : place,
    ArrowDown: row < ROWS - 1 ? place + COLUMNS : place, ArrowUp: row ? place - COLUMNS : place,
  }[event.key];
  if (to !== undefined) $("grid").querySelector(`[data-key="${to}"]`).focus();
  else if (event.key === "Delete" || event.key === "Backspace") attempt(() => empty(place));
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export const fillGrid = (list) => inGrid(async () => {
  const free = [...Array(COLUMNS * ROWS).keys()].filter((place) => !clip(place));
  const there = new Set(Object.values(state.grid));
  const wanted = list.filter((loop) => !there.has(loop.id)).slice(0, free.length);
  for (const [number, loop] of wanted.entries()) await put(free[number], loop.id);
  if (!wanted.length) toast("Every shown loop is on the grid, or the grid is full.");
});

onShow("grid", draw);
on("grid", calmly(draw));
on("loops", calmly(draw));
player.onChange.push(calmly(draw));
