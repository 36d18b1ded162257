// Which one-shots play a loop's drums, and which sound its bass.

import { $, attempt } from "/page/dom.js";

const form = $("kit-form");
let then = null;

export function askForKit(does) {
  then = does;
  form.kit.value = localStorage.kit ?? "";
  $("kit").showModal();
}

form.addEventListener("submit", () => {
  localStorage.kit = form.kit.value;
  attempt(() => then({ kit: form.kit.value.trim(), bass: form.bass.value, keep_music: form.music.checked }));
});
$("no-kit").addEventListener("click", () => $("kit").close());
