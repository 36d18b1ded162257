// The list of loops: search, filters, order, and the loop that is being morphed.

import { call, newest } from "/page/api.js";
import { act } from "/page/actions.js";
import { card, carry } from "/page/card.js";
import { $, button, calmly, element } from "/page/dom.js";
import { isPlaying, player } from "/page/sound.js";
import { alive, loops, nameOf, on, state } from "/page/store.js";
import { show } from "/page/views.js";
import { viewer } from "/page/waves.js";

let onlyLoved = false;
let likeness = null; // { loop, order }: the loops like one, the nearest first
let morphing = null;

const orders = {
  new: (a, b) => b.made_at - a.made_at || a.id.localeCompare(b.id, undefined, { numeric: true }),
  best: (a, b) => a.faults.length - b.faults.length || (a.copy_score ?? 0) - (b.copy_score ?? 0),
  tempo: (a, b) => a.bpm - b.bpm || b.made_at - a.made_at,
};

export function shown() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const from = $("bpm-from").valueAsNumber || 0;
  const to = $("bpm-to").valueAsNumber || Infinity;
  const style = $("style-filter").value;
  const text = (loop) => [nameOf(loop), loop.title, loop.style, loop.model, ...loop.tags].join(" ").toLowerCase();
  const rank = likeness && new Map(likeness.order.map((id, number) => [id, number]));
  return alive()
    .filter((loop) => (!onlyLoved || loop.loved) && loop.bpm >= from && loop.bpm <= to && (!style || loop.style === style))
    .filter((loop) => !morphing || loop.bars === morphing.bars)
    .filter((loop) => !rank || rank.has(loop.id))
    .filter((loop) => words.every((word) => text(loop).includes(word)))
    .sort(rank ? (a, b) => rank.get(a.id) - rank.get(b.id) : orders[$("order").value]);
}

// What a card shows of other loops: it is made again when that changes.
const context = (loop, parents) => [nameOf(loop), loops.has(loop.parent) && nameOf(loops.get(loop.parent)), parents.has(loop.id)].join("\n");

function showLoops() {
  const list = shown();
  const there = new Map([...$("loops").children].map((made) => [made.dataset.id, made]));
  const parents = new Set(alive().map((loop) => loop.parent));
  const used = document.activeElement?.closest?.(".card");
  const at = [...there.values()].indexOf(used);
  let focus = null;
  const cards = list.map((loop) => {
    const before = there.get(loop.id);
    const around = context(loop, parents);
    if (before?.loop === loop && before.around === around) return before;
    const made = Object.assign(card(loop, act), { around });
    if (before) focus = carry(before, made) ?? focus;
    return made;
  });
  place(cards);
  if (used && !used.isConnected) (focus ?? cards[Math.min(at, cards.length - 1)])?.focus(); // or the card that follows a deleted one
  const all = alive().length;
  const hint = list.length ? "" : ". Clear the search and the filters to see them.";
  $("count").textContent = all ? `${list.length} of ${all} loops${hint}` : "No loops yet. Press G, or the button, and hear the first one in seconds; or drop your own loops here.";
  showNotice();
  mark();
}

// Cards that are there stay where they are: moving them would end a drag and restart pictures.
function place(cards) {
  const wanted = new Set(cards);
  for (const made of [...$("loops").children]) if (!wanted.has(made)) (viewer.unobserve(made), made.remove());
  cards.forEach((made, number) => {
    if ($("loops").children[number] !== made) $("loops").insertBefore(made, $("loops").children[number] ?? null);
    viewer.observe(made);
    made.querySelector(".target").hidden = !morphing || made.loop === morphing;
  });
}

function mark() {
  const playing = new Set([...(player.transport?.tracks.values() ?? [])].map(({ loop }) => loop.card ?? loop.id));
  for (const made of $("loops").children) {
    made.classList.toggle("playing", playing.has(made.dataset.id));
    const stops = player.transport?.tracks.size === 1 && isPlaying(made.dataset.id); // beside others it would play alone
    const button = made.querySelector(".play");
    if (button.textContent === (stops ? "■" : "▶")) continue;
    button.textContent = stops ? "■" : "▶";
    button.setAttribute("aria-label", `${stops ? "Stop" : "Play"} ${nameOf(made.loop)}`);
  }
}

function showNotice() {
  const text = morphing ? `Choose the loop to which ${nameOf(morphing)} changes.` : likeness ? likeness.text : "";
  $("notice").hidden = !text;
  $("notice").replaceChildren(text, " ", button("Show all loops", () => {
    morphing = likeness = null;
    showLoops();
  }));
}

const similar = newest((loop) => call("GET", `/api/loops/${loop.id}/similar`));

export async function showSimilar(loop) {
  const order = await similar(loop);
  if (!order) return;
  likeness = { order: [loop.id, ...order], text: `Loops like ${nameOf(loop)}, the most similar one first.` };
  show("loops");
  showLoops();
  scrollTo({ top: 0 });
}

export function pickMorph(loop) {
  morphing = loop;
  if (loop) show("loops");
  showLoops();
}

export const morphFrom = () => morphing;

// Bring a loop into view, past filters that hide it.
export function showOnly(loop) {
  show("loops");
  if (!shown().includes(loop)) {
    likeness = { order: [loop.id], text: `${nameOf(loop)} alone: filters hid it.` };
    $("search").value = $("style-filter").value = $("bpm-from").value = $("bpm-to").value = "";
    showLoops();
  }
  const made = document.querySelector(`.card[data-id="${loop.id}"]`);
  made?.scrollIntoView({ block: "center" });
  made?.focus();
}

// When a dialog or the menu closes, the focus returns to the card in use, which may have been drawn again behind it.
let used = null;
document.addEventListener("focusin", ({ target }) => (used = target.closest(".card")?.dataset.id ?? used));
for (const kind of ["close", "toggle"]) {
  document.addEventListener(kind, () => {
    const { activeElement: at, body } = document;
    const isLost = at === body || !at.checkVisibility();
    if (isLost && !document.querySelector("[open], :popover-open")) $("loops").querySelector(`[data-id="${used}"]`)?.focus({ preventScroll: true });
  }, true);
}

export const focused = () => document.activeElement?.closest?.(".card")?.loop ?? shown()[0];

export function step(by) {
  const cards = [...$("loops").children];
  const at = cards.indexOf(document.activeElement?.closest?.(".card"));
  cards[Math.min(cards.length - 1, Math.max(0, at + by))]?.focus();
}

function showStyles() {
  const chosen = $("style-filter").value;
  const styles = [...new Set(state.models.flatMap((model) => model.styles))].sort();
  $("style-filter").replaceChildren(element("option", { value: "" }, "all styles"), ...styles.map((style) => element("option", {}, style)));
  $("style-filter").value = styles.includes(chosen) ? chosen : "";
}

for (const id of ["search", "bpm-from", "bpm-to", "order", "style-filter"]) $(id).addEventListener("input", showLoops);
$("only-loved").addEventListener("click", () => {
  onlyLoved = !onlyLoved;
  $("only-loved").setAttribute("aria-pressed", String(onlyLoved));
  showLoops();
});
on("loops", calmly(showLoops));
on("loaded", showStyles);
player.onChange.push(mark);
