// A worker that all tabs share. It holds the one stream of events: a browser opens at most six connections to a server,
// and a stream takes one for as long as its tab is open.

import { call, listen } from "/page/api.js";

const tabs = new Map(); // each with the events that wait for the state they follow, or null once the tab has it

function send(tab, kind, content) {
  if (kind === "ready") tabs.set(tab, null);
  const waiting = tabs.get(tab);
  if (waiting) waiting.push([kind, content]);
  else tab.postMessage([kind, content]);
}

addEventListener("connect", async ({ ports: [tab] }) => {
  const waiting = [];
  tabs.set(tab, waiting);
  if (tabs.size === 1) return listen((kind, content) => tabs.forEach((_, each) => send(each, kind, content)));
  const state = await call("GET", "/api/state").catch(() => null);
  if (tabs.get(tab) !== waiting) return; // the stream has told it meanwhile
  if (!state) return tab.postMessage(["lost"]); // the stream tells it when the studio answers again
  send(tab, "ready", state);
  for (const [kind, content] of waiting) send(tab, kind, content);
});
