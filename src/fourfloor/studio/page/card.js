// A loop as a card: waveform and spectrogram with one playhead, what is known of it, and what can be done with it.

import WaveSurfer from "/page/vendor/wavesurfer/wavesurfer.js";
import { audioOf, call } from "/page/api.js";
import RegionsPlugin from "/page/vendor/wavesurfer/regions.js";

const nonce = document.querySelector('meta[name="nonce"]')?.content; // the blind test draws no waveforms
const outlines = new Map();

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null)); // text is text: never HTML
  return made;
}

export const tempo = (bpm) => `${Number(bpm.toFixed(2))} BPM`;

// `act(name, loop, value)` does what a button asks for.
export function card(loop, act) {
  const title = loop.style ?? "any style";
  const wave = element("div", { class: "wave" });
  const head = element("div", { class: "playhead", hidden: true });
  const picture = element("img", { src: `/api/loops/${loop.id}/spectrogram`, alt: "", width: 640, height: 160, loading: "lazy", draggable: "false" });
  const views = element("div", { class: "views", title: "Click to play from here", onclick: (event) => {
    if (performance.now() - (made.dragged ?? 0) < 400) return; // the end of choosing a region
    const box = views.getBoundingClientRect();
    act("seek", loop, Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width)));
  } }, wave, picture, head);
  const play = element("button", { type: "button", class: "play", "aria-label": `Play ${loop.title}`, onclick: () => act("play", loop) }, "▶");
  const love = element("button", { type: "button", class: "love", "aria-pressed": String(!!loop.loved), "aria-label": "Love", onclick: () => act("love", loop) }, "♥");
  const drag = element("a", { class: "button drag", draggable: "true", href: audioOf(loop), download: `${loop.title}.wav`, title: "Drag into your DAW, or click to download", ondragstart: (event) => {
    const address = new URL(audioOf(loop), location.href).href;
    event.dataTransfer.effectAllowed = "copy";
    event.dataTransfer.setData("DownloadURL", `audio/wav:${loop.title}.wav:${address}`);
    event.dataTransfer.setData("text/uri-list", address);
  } }, "↓ WAV");
  const made = element("article", { class: "card", tabindex: "0", "data-id": loop.id, "aria-label": loop.title },
    element("header", {}, play, element("h2", {}, title, " ", element("small", {}, `${tempo(loop.bpm)} · ${loop.bars} ${loop.bars === 1 ? "bar" : "bars"}`)), love),
    views,
    element("dl", { class: "facts" }, ...facts(loop)),
    tagLine(loop, act),
    element("div", { class: "actions" },
      element("button", { type: "button", onclick: () => act("mix", loop) }, "+ Mix"),
      drag,
      ...changes(loop, act),
      element("button", { type: "button", onclick: () => act("again", loop) }, "Use settings"),
      element("button", { type: "button", class: "quiet", onclick: () => act("delete", loop) }, "Delete")));
  made.loop = loop;
  made.wave = wave;
  made.head = head;
  return made;
}

// What makes new loops of this one. A region is dragged over the waveform; without one there is nothing to redo.
function changes(loop, act) {
  const amount = element("input", { type: "range", min: "0.05", max: "1", step: "0.05", value: "0.3", class: "amount", "aria-label": "How different" });
  const redo = element("button", { type: "button", class: "redo", disabled: true, title: "Drag over the waveform to choose beats", onclick: (event) => act("fill", loop, event.target.closest(".card").region) }, "Redo region");
  return [
    element("span", { class: "like" }, element("button", { type: "button", onclick: () => act("vary", loop, amount.valueAsNumber) }, "More like this"), amount),
    redo,
    loop.bars <= 4 ? element("button", { type: "button", onclick: () => act("extend", loop) }, "Continue") : null,
  ].filter(Boolean);
}

function facts(loop) {
  const seed = element("button", { type: "button", class: "link", title: "Copy the command that makes this loop again", onclick: () => navigator.clipboard?.writeText(loop.command ?? "") }, loop.seed);
  const rows = [["Seed", seed]];
  if (loop.key) rows.push(["Key", loop.key]);
  rows.push(["Loop point", loop.seam >= 0.5 ? "closes" : "audible"]);
  if (loop.copy_score !== null) rows.push(["Nearest training music", `${loop.nearest} (${Math.round(loop.copy_score * 100)} % alike)`]);
  if (loop.faults.length) rows.push(["Faults", element("span", { class: "fault" }, loop.faults.join(", "))]);
  const asked = Object.entries(loop.controls ?? {}).map(([name, value]) => `${name.replace("_", " ")} ${value}`);
  if (asked.length) rows.push(["Asked for", asked.join(", ")]);
  return rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}

function tagLine(loop, act) {
  const tags = loop.tags.map((tag) => element("button", { type: "button", class: "tag", "aria-label": `Remove tag ${tag}`, onclick: () => act("tags", loop, loop.tags.filter((other) => other !== tag)) }, `${tag} ×`));
  const input = element("input", { placeholder: "add a tag", "aria-label": "Add a tag", maxlength: "40", class: "tag-input", onkeydown: (event) => {
    const tag = input.value.trim();
    if (event.key !== "Enter" || !tag) return;
    event.preventDefault();
    act("tags", loop, [...new Set([...loop.tags, tag])]);
  } });
  return element("div", { class: "tags" }, ...tags, input);
}

// Waveforms are drawn when their card comes into view, and dropped when it leaves: a library has thousands.
export const viewer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !target.surfer) draw(target);
    else if (!isIntersecting && target.surfer) {
      target.surfer.destroy();
      target.surfer = null;
    }
  }
}, { rootMargin: "300px" });

// A region is whole beats, the nearest ones that it covers; one at a time.
function choose(made, regions, region) {
  made.dragged = performance.now();
  for (const other of regions.getRegions()) if (other !== region) other.remove();
  const { loop } = made;
  const beat = loop.frames / loop.sample_rate / (4 * loop.bars);
  const first = Math.min(4 * loop.bars - 1, Math.max(0, Math.round(region.start / beat)));
  const last = Math.min(4 * loop.bars, Math.max(first + 1, Math.round(region.end / beat)));
  if (region.start !== first * beat || region.end !== last * beat) region.setOptions({ start: first * beat, end: last * beat });
  made.region = [first + 1, last];
  const redo = made.querySelector(".redo");
  redo.disabled = false;
  redo.textContent = `Redo beats ${first + 1}-${last}`;
}

async function draw(made) {
  const { loop } = made;
  const style = getComputedStyle(document.documentElement);
  made.surfer = WaveSurfer.create({
    container: made.wave, height: 56, interact: false, cursorWidth: 0, cspNonce: nonce, normalize: false,
    waveColor: style.getPropertyValue("--wave").trim(), progressColor: style.getPropertyValue("--wave").trim(),
  });
  const regions = made.surfer.registerPlugin(RegionsPlugin.create());
  regions.enableDragSelection({ color: style.getPropertyValue("--region").trim() });
  regions.on("region-created", (region) => choose(made, regions, region));
  regions.on("region-updated", (region) => choose(made, regions, region));
  if (!outlines.has(loop.id)) outlines.set(loop.id, call("GET", `/api/loops/${loop.id}/outline`));
  const outline = await outlines.get(loop.id).catch(() => []);
  made.surfer?.load("", [outline], loop.frames / loop.sample_rate).catch(() => {});
}
