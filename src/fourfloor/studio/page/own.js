// A person's own loops: files dropped on the list, or chosen, become cards on which everything works.

import { call } from "/page/api.js";
import { $, attempt, toast } from "/page/dom.js";
import { ask } from "/page/store.js";

const MOST_SAID = 3; // refused files that are named one by one: a folder of tracks has pictures and lists in it, too

export async function send(files, upload, onSent = () => {}) {
  const names = namesOf(files);
  const refused = [];
  for (const [number, file] of files.entries()) {
    onSent(number, files.length);
    await call("PUT", `/api/uploads/${upload}/${encodeURIComponent(names[number])}`, file).catch(({ message }) => {
      refused.push(message.startsWith(names[number]) ? message : `${names[number]}: ${message}`);
    });
  }
  sayRefused(refused);
  return files.length - refused.length;
}

function sayRefused(refused) {
  for (const said of refused.slice(0, MOST_SAID)) toast(said);
  if (refused.length > MOST_SAID) toast(`${refused.length - MOST_SAID} other files are not used either.`);
}

// The names under which files are sent: two of one name in several folders have the folders before it.
function namesOf(files) {
  const count = Map.groupBy(files, (file) => file.name.toLowerCase()); // as some file systems compare names
  const path = (file) => file.place ?? (file.webkitRelativePath || file.name);
  return files.map((file) => (count.get(file.name.toLowerCase()).length > 1 ? path(file).split("/").filter(Boolean).join(" - ") : file.name));
}

// The files of what was dropped, those in folders too, in the order of their names.
async function filesIn(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length ? (await Promise.all(entries.map(filesOf))).flat() : [...dropped.files];
}

async function filesOf(entry) {
  const cannot = () => toast(`${entry.name}: cannot be read.`);
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(cannot);
    return file ? [Object.assign(file, { place: entry.fullPath })] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(cannot);
    if (!some?.length) break;
    found.push(...some);
  }
  found.sort((first, second) => first.name.localeCompare(second.name, undefined, { numeric: true }));
  return (await Promise.all(found.map(filesOf))).flat();
}

async function takeIn(files) {
  const upload = `own-${Date.now().toString(36)}`;
  if (!(await send(files, upload))) return;
  const job = await ask({ kind: "import", upload });
  sayRefused((job.result?.refused ?? []).map(({ file, reason }) => `${file}: ${reason}`));
}

// Do something with the files that are dropped on a place. Anywhere else the browser would open them in place of the page.
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
    attempt(async () => does(await filesIn(event.dataTransfer)));
  });
}

$("own").addEventListener("change", async (event) => {
  await attempt(() => takeIn([...event.target.files]));
  event.target.value = "";
});
onDrop($("view-loops"), takeIn);
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
