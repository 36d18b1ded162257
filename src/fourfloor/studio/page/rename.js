// A loop's new name, in a dialog of the page: the browser's own would stop all scripts, and the music after seconds.

import { $, attempt } from "/page/dom.js";

const form = $("rename-form");
let then = null;

export function askForName(title, does) {
  then = does;
  form.elements.namedItem("name").value = title;
  $("rename").showModal();
  form.elements.namedItem("name").select();
}

form.addEventListener("submit", () => attempt(() => then(form.elements.namedItem("name").value.trim())));
$("no-rename").addEventListener("click", () => $("rename").close());
