// What the server answers; a refused request is an Error whose message is the server's line.

export class Unanswered extends Error {}

export async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Unanswered("The studio does not answer. Is it still running in the terminal?");
  }
}

export async function contentOf(answer) {
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.detail || `The studio refused this (${answer.status}).`);
  return content;
}

export async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  return contentOf(await reach(path, options));
}

// Ask as `asks` does; null where the same was asked again before the answer came: only the last answer counts.
export function newest(asks) {
  let last = null;
  return async (...about) => {
    const mine = (last = asks(...about));
    const answer = await mine;
    return mine === last ? answer : null;
  };
}

export const audioOf = (loop) => `/api/loops/${loop.id}/audio`;

const MS_TO_TRY_AGAIN = 1000;

// Tell of each change: `tell(kind, content)`. "ready" carries the whole state whenever a connection opens; "lost" says that
// it broke.
export function listen(tell) {
  const source = new EventSource("/api/events");
  for (const kind of ["ready", "loop", "job", "grid"]) source.addEventListener(kind, (event) => tell(kind, JSON.parse(event.data)));
  source.addEventListener("error", () => {
    tell("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(tell), MS_TO_TRY_AGAIN); // it was refused
  });
}

// The same through the worker that holds the stream of all tabs, where the browser has such workers.
export function listenTogether(tell) {
  if (!globalThis.SharedWorker) return listen(tell);
  const worker = new SharedWorker("/page/events.js", { type: "module" });
  worker.addEventListener("error", () => listen(tell), { once: true });
  worker.port.onmessage = ({ data: [kind, content] }) => tell(kind, content);
}
