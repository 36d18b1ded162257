// A loop as a card: waveform and spectrogram with one playhead, what is known of it, and what can be done with it.

import { audioOf } from "/page/api.js";
import { button, drag, element, length, tempo } from "/page/dom.js";
import { loops, nameOf } from "/page/store.js";

// `act(name, loop, value)` does what a button asks for.
export function card(loop, act) {
  const name = nameOf(loop);
  const wave = element("div", { class: "wave" });
  const picture = element("img", { src: `/api/loops/${loop.id}/spectrogram`, alt: "", width: 640, height: 160, loading: "lazy", draggable: "false" });
  const views = element("div", { class: "views", title: "Click to play from here, drag to choose beats", onclick: (event) => {
    if (performance.now() - (made.dragged ?? 0) < 400) return; // the end of choosing a region
    const box = views.getBoundingClientRect();
    act("seek", loop, Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width)));
  } }, wave, picture, element("div", { class: "playhead", "data-head": loop.id, hidden: true }));
  const made = element("article", { class: "card", tabindex: "0", "data-id": loop.id, "aria-label": name },
    element("header", {},
      button("▶", () => act("play", loop), { class: "play", "aria-label": `Play ${name}` }),
      element("h2", {}, element("span", { class: "name", title: name }, name), " ", element("small", {}, `${tempo(loop.bpm)} · ${length(loop.bars)}${loop.key ? ` · ${loop.key}` : ""}`)),
      button("♥", () => act("love", loop), { class: "love", "aria-pressed": String(!!loop.loved), "aria-label": "Love" })),
    views,
    element("dl", { class: "facts" }, ...facts(loop, act)),
    tagLine(loop, act),
    parts(loop, act),
    element("div", { class: "actions" }, ...actions(loop, act)));
  made.loop = loop;
  made.wave = wave;
  return made;
}

// What a person has begun on a card, and the control in use, when the card is made again.
export function carry(before, made) {
  for (const name of [".tag-input", ".amount"]) made.querySelector(name).value = before.querySelector(name).value;
  if (before.region) chooseBeats(made, before.region);
  const used = document.activeElement;
  if (!before.contains(used)) return null;
  const alike = (other) => other.tagName === used.tagName && other.className === used.className && (used.className || other.textContent === used.textContent);
  return [...made.querySelectorAll("button, input, a")].find(alike) ?? made;
}

export function chooseBeats(made, [first, last]) {
  made.region = [first, last];
  const redo = made.querySelector(".redo");
  redo.disabled = false;
  redo.textContent = `Redo beats ${first}-${last}`;
}

// A region is dragged over the waveform; without one there is nothing to redo.
function actions(loop, act) {
  const amount = element("input", { type: "range", min: "0.05", max: "1", step: "0.05", value: "0.3", class: "amount", title: "How different", "aria-label": "How different" });
  return [
    button("+ Mix", () => act("mix", loop), { title: "Play it with what plays already" }),
    drag("↓ WAV", audioOf(loop), `${loop.title}.wav`, "audio/wav"),
    element("span", { class: "like" }, button("More like this", () => act("vary", loop, amount.valueAsNumber)), amount),
    button("Redo region", (event) => act("fill", loop, event.target.closest(".card").region), { class: "redo", disabled: true, title: "Drag over the waveform to choose beats" }),
    loop.bars <= 4 ? button("Continue", () => act("extend", loop), { title: "Add as many new bars" }) : null,
    button("More …", (event) => act("menu", loop, event.target), { class: "more", "aria-haspopup": "menu" }),
    button("Morph to this one", () => act("morph", loop), { class: "target primary", hidden: true }),
  ].filter(Boolean);
}

function facts(loop, act) {
  const rows = [];
  const parent = loops.get(loop.parent);
  if (parent) {
    rows.push(["Made of", [
      button(nameOf(parent), () => act("show", parent), { class: "link" }), " ",
      button("A/B", () => act("compare", loop), { class: "small", title: "Switch between this loop and the one it was made of" })]]);
  }
  if (loop.model) {
    const command = () => navigator.clipboard?.writeText(loop.command ?? "");
    rows.push(["Seed", [button(loop.seed, command, { class: "link", title: "Copy the command that makes this loop again" })]]);
  }
  if (loop.seam !== null && loop.seam < 0.5) rows.push(["Loop point", [element("span", { class: "fault" }, "audible")]]);
  if (loop.nearest && loop.copy_score !== null) {
    const track = loop.nearest.replace(/ @ [^@]*$/, "");
    rows.push(["Nearest training music", [
      element("span", { title: loop.nearest }, `${track}, ${Math.round(loop.copy_score * 100)}\u00a0%\u00a0alike`), " ",
      button("Hear it", () => act("passage", loop), { class: "small passage", title: "Play the training music in place of the loop, to compare" })]]);
  }
  if (loop.faults.length) rows.push(["Faults", [element("span", { class: "fault" }, loop.faults.join(", "))]]);
  const asked = Object.entries(loop.controls ?? {}).map(([name, value]) => `${name.replace("_", " ")} ${value}`);
  if (asked.length) rows.push(["Asked for", [asked.join(", ")]]);
  return rows.flatMap(([name, values]) => [element("dt", {}, name), element("dd", {}, ...values)]);
}

function tagLine(loop, act) {
  const tags = loop.tags.map((tag) => button(`${tag} ×`, () => act("untag", loop, tag), { class: "tag", "aria-label": `Remove tag ${tag}` }));
  const input = element("input", { placeholder: "add a tag", "aria-label": "Add a tag", maxlength: "40", class: "tag-input", onkeydown: (event) => {
    const tag = input.value.trim();
    if (event.key !== "Enter" || !tag) return;
    event.preventDefault();
    input.value = "";
    act("tag", loop, tag);
  } });
  return element("div", { class: "tags" }, ...tags, input);
}

// Stems and notes, once they are made: each is dragged out under its name.
function parts(loop, act) {
  const { stems, midi } = loop.parts;
  if (!stems && !midi) return null;
  const files = Object.entries(stems ?? {}).filter(([, level]) => level !== null).map(([stem, level]) =>
    drag(`↓ ${stem}`, `/api/loops/${loop.id}/stems/${stem}`, `${loop.title}_${stem}.wav`, "audio/wav", `${stem}, ${level} dB: drag into your DAW, or click to download`));
  const notes = Object.entries(midi ?? {}).map(([name, count]) => `${count} ${name}`).join(", ");
  return element("div", { class: "parts" },
    stems ? button("▶ Stems", () => act("playStems", loop), { title: "Play the stems: mute, solo and level each below" }) : null,
    ...files,
    midi ? drag("↓ MIDI", `/api/loops/${loop.id}/midi`, `${loop.title}.mid`, "audio/midi", `${notes}: drag into your DAW, or click to download`) : null);
}
