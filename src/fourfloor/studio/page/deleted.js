// The loops that were deleted, the last one first: each can be heard, and restored.

import { act } from "/page/actions.js";
import { call, newest } from "/page/api.js";
import { $, attempt, button, calmly, element, length, tempo } from "/page/dom.js";
import { isPlaying, play, player } from "/page/sound.js";
import { nameOf, on } from "/page/store.js";

const MOST_SHOWN = 100;
const dialog = $("deleted");
let list = [];

const listNow = newest(() => call("GET", "/api/loops?deleted=true"));

async function load() {
  list = (await listNow())?.sort((a, b) => b.deleted_at - a.deleted_at) ?? list;
  draw();
}

export async function showDeleted() {
  await load();
  if (!dialog.open) dialog.showModal();
}

const draw = calmly(() => {
  const buttons = () => [...$("deleted-loops").querySelectorAll("button")];
  const at = buttons().indexOf(document.activeElement);
  const last = list.length > MOST_SHOWN ? ` These are the last ${MOST_SHOWN}.` : "";
  $("deleted-about").textContent = list.length ? `${list.length === 1 ? "1 loop is" : `${list.length} loops are`} deleted; the files are kept.${last}` : "No loop is deleted.";
  $("deleted-loops").replaceChildren(...list.slice(0, MOST_SHOWN).map(row));
  if (at >= 0) (buttons()[Math.min(at, buttons().length - 1)] ?? dialog.querySelector(".primary")).focus();
});

function row(loop) {
  const name = nameOf(loop);
  return element("li", { class: "version" },
    button(isPlaying(loop.id) ? "■" : "▶", () => attempt(() => play(loop)), { "aria-label": `Play ${name}` }),
    element("span", {}, name, " ", element("small", {}, `${tempo(loop.bpm)} · ${length(loop.bars)} · ${new Date(loop.deleted_at * 1000).toLocaleString()}`)),
    button("Restore", () => act("restore", loop), { "aria-label": `Restore ${name}` }));
}

$("show-deleted").addEventListener("click", () => attempt(showDeleted));
on("loops", () => dialog.open && attempt(load));
player.onChange.push(() => dialog.open && draw());
