// The views of the page. The address names the one that is shown, so that a reload stays in it and "back" leads to the
// view before: leaving the page would end the music.

import { $ } from "/page/dom.js";

const views = ["loops", "grid", "map", "tracks"];
const listeners = {};

export const onShow = (view, listener) => (listeners[view] = listener);

export function show(view, first = false) {
  if (location.hash !== `#/${view}`) history[first ? "replaceState" : "pushState"](null, "", `#/${view}`);
  for (const name of views) $(`view-${name}`).hidden = name !== view;
  for (const made of document.querySelectorAll("[data-view]")) made.setAttribute("aria-pressed", String(made.dataset.view === view));
  listeners[view]?.();
}

export const current = () => views.find((view) => location.hash === `#/${view}`) ?? "loops";

for (const made of document.querySelectorAll("[data-view]")) made.addEventListener("click", () => show(made.dataset.view));
addEventListener("hashchange", () => show(current()));
