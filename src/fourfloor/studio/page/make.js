// The form that asks for loops: a slider that was not moved asks for nothing.

import { call } from "/page/api.js";
import { attempt, element } from "/page/dom.js";
import { play, player, sound } from "/page/sound.js";
import { loops, on } from "/page/store.js";
import { show } from "/page/views.js";

const form = document.getElementById("make");
const sliders = [...form.querySelectorAll("input[data-control]")];
const kick = form.querySelector("select[data-control]");
let models = [];
let awaited = null; // the job of which a loop is heard at once

export function showModels(list) {
  models = list;
  const chosen = form.model.value;
  form.model.replaceChildren(...list.map((model) => element("option", { value: model.source, disabled: !!model.damaged, title: model.damaged ?? "" }, model.name)));
  if (list.some((model) => model.source === chosen)) form.model.value = chosen;
  showStyles();
}

function showStyles() {
  const chosen = form.style_().value;
  const model = models.find((one) => one.source === form.model.value);
  form.style_().replaceChildren(element("option", { value: "" }, "any"), ...(model?.styles ?? []).map((style) => element("option", { value: style }, style)));
  if (model?.styles.includes(chosen)) form.style_().value = chosen;
}

form.style_ = () => form.elements.namedItem("style"); // form.style is the CSS of the form
form.model.addEventListener("change", showStyles);

function ask(slider, value) {
  slider.dataset.asked = value === null ? "" : "yes";
  if (value !== null) slider.value = value;
  slider.nextElementSibling.textContent = value === null ? "any" : Number(slider.value).toFixed(2);
}

for (const slider of sliders) slider.addEventListener("input", () => ask(slider, slider.value));
document.getElementById("any").addEventListener("click", () => {
  for (const slider of sliders) ask(slider, null);
  kick.value = "";
});

function wanted() {
  const controls = {};
  for (const slider of sliders) if (slider.dataset.asked) controls[slider.dataset.control] = Number(slider.value);
  if (kick.value) controls.kick = kick.value === "true";
  return {
    kind: "generate", model: form.model.value, style: form.style_().value || null, bpm: form.bpm.valueAsNumber,
    bars: Number(form.bars.value), count: form.count.valueAsNumber, seed: form.seed.value || randomSeed(), controls,
  };
}

// What the form asks for, where it is complete; what is wrong is shown beside the field.
export const asked = () => (form.reportValidity() ? wanted() : null);

export const randomSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

// Fill the form with what a loop was made from.
export function use(loop) {
  show("loops");
  form.model.value = loop.model;
  showStyles();
  form.style_().value = loop.style ?? "";
  form.bpm.value = loop.bpm;
  form.bars.value = loop.bars;
  form.seed.value = loop.seed;
  for (const slider of sliders) ask(slider, loop.controls?.[slider.dataset.control] ?? null);
  kick.value = loop.controls?.kick === undefined ? "" : String(!!loop.controls.kick);
  form.bpm.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const asked = call("POST", "/api/jobs", { job: wanted() });
    sound(); // while the click allows it, and while the loops are being made: audio takes a moment to open
    awaited = (await asked).id;
    hearFirst();
  });
});

// Whichever loop of the request is done first is heard at once, where nothing plays.
function hearFirst() {
  const first = awaited && [...loops.values()].find((loop) => loop.id.startsWith(`${awaited}-`));
  if (!first) return;
  awaited = null;
  if (!player.transport.tracks.size) attempt(() => play(first));
}
on("loops", hearFirst);

export const submit = () => (show("loops"), form.requestSubmit());
