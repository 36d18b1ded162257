// A person's own loops: files dropped on the list, or chosen, become cards on which everything works.

import { call } from "/page/api.js";
import { $, attempt, toast } from "/page/dom.js";
import { ask } from "/page/store.js";

export async function send(files, upload, onSent = () => {}) {
  let sent = 0;
  for (const file of files) {
    onSent(sent, files.length);
    await attempt(async () => {
      await call("PUT", `/api/uploads/${upload}/${encodeURIComponent(file.name)}`, file).catch((error) => {
        throw new Error(`${file.name}: ${error.message}`);
      });
      sent += 1;
    });
  }
  return sent;
}

async function takeIn(files) {
  const upload = `own-${Date.now().toString(36)}`;
  if (!(await send(files, upload))) return;
  const job = await ask({ kind: "import", upload });
  for (const { file, reason } of job.result?.refused ?? []) toast(`${file}: ${reason}`);
}

export function onDrop(place, does) {
  place.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", (event) => place.contains(event.relatedTarget) || place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("over");
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    does(event.dataTransfer);
  });
}

$("own").addEventListener("change", async (event) => {
  await attempt(() => takeIn([...event.target.files]));
  event.target.value = "";
});
onDrop($("view-loops"), (dropped) => attempt(() => takeIn([...dropped.files])));
