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

export const audioOf = (loop) => `/api/loops/${loop.id}/audio`;

// Tell `on.loop`, `on.job`, `on.grid` of changes; `on.ready` of the whole state whenever a connection opens, and `on.lost`
// when it breaks.
export function listen(on) {
  const source = new EventSource("/api/events");
  source.addEventListener("ready", (event) => on.ready(JSON.parse(event.data)));
  source.addEventListener("loop", (event) => on.loop(JSON.parse(event.data)));
  source.addEventListener("job", (event) => on.job(JSON.parse(event.data)));
  source.addEventListener("grid", (event) => on.grid(JSON.parse(event.data)));
  source.addEventListener("error", () => on.lost());
}
