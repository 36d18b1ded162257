// The form that asks for loops: a slider that was not moved asks for nothing.

import { call } from "/page/api.js";
import { element } from "/page/card.js";

const form = document.getElementById("make");
const sliders = [...form.querySelectorAll("input[data-control]")];
const kick = form.querySelector("select[data-control]");
let models = [];

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

export const randomSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

// Fill the form with what a loop was made from.
export function use(loop) {
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

export function onMake(report) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await call("POST", "/api/jobs", { job: wanted() });
    } catch (error) {
      report(error.message);
    }
  });
}

export const submit = () => form.requestSubmit();
