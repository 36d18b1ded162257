// The waveform of a card, and the beats that are chosen on it.

import { call } from "/page/api.js";
import { chooseBeats } from "/page/card.js";

const nonce = document.querySelector('meta[name="nonce"]').content;
const outlines = new Map();
// An empty page is ready without them.
const library = () => Promise.all([import("/page/vendor/wavesurfer/wavesurfer.js"), import("/page/vendor/wavesurfer/regions.js")]);

// Waveforms are drawn when their card comes into view, and dropped when it leaves: a library has thousands.
export const viewer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.inView = isIntersecting;
    if (isIntersecting) library().then((parts) => target.inView && !target.surfer && draw(target, ...parts));
    else {
      target.surfer?.destroy();
      target.surfer = null;
    }
  }
}, { rootMargin: "300px" });

// Draw the waveforms in view in the colors of the theme that is chosen now.
export function recolor() {
  const waveColor = colorOf("--wave");
  for (const { surfer } of document.querySelectorAll(".card")) surfer?.setOptions({ waveColor, progressColor: waveColor });
}

const colorOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A region is whole beats, the nearest ones that it covers; one at a time.
function choose(made, regions, region) {
  made.dragged = performance.now();
  for (const other of regions.getRegions()) if (other !== region) other.remove();
  const { loop } = made;
  const beat = loop.frames / loop.sample_rate / (4 * loop.bars);
  const first = Math.min(4 * loop.bars - 1, Math.max(0, Math.round(region.start / beat)));
  const last = Math.min(4 * loop.bars, Math.max(first + 1, Math.round(region.end / beat)));
  if (region.start !== first * beat || region.end !== last * beat) region.setOptions({ start: first * beat, end: last * beat });
  chooseBeats(made, [first + 1, last]);
}

async function draw(made, { default: WaveSurfer }, { default: RegionsPlugin }) {
  const { loop } = made;
  made.surfer = WaveSurfer.create({
    container: made.wave, height: 56, interact: false, cursorWidth: 0, cspNonce: nonce, normalize: false,
    waveColor: colorOf("--wave"), progressColor: colorOf("--wave"),
  });
  const regions = made.surfer.registerPlugin(RegionsPlugin.create());
  regions.enableDragSelection({ color: colorOf("--region") });
  regions.on("region-created", (region) => choose(made, regions, region));
  regions.on("region-updated", (region) => choose(made, regions, region));
  if (!outlines.has(loop.id)) outlines.set(loop.id, call("GET", `/api/loops/${loop.id}/outline`));
  const outline = await outlines.get(loop.id).catch(() => (outlines.delete(loop.id), [])); // asked for again next time
  const seconds = loop.frames / loop.sample_rate;
  await made.surfer?.load("", [outline], seconds).catch(() => {});
  if (!made.surfer || !made.region) return;
  const beat = seconds / (4 * loop.bars);
  regions.addRegion({ start: (made.region[0] - 1) * beat, end: made.region[1] * beat, color: colorOf("--region") });
}
