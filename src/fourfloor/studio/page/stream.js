// Music without end: the server makes blocks of four bars as fast as they are taken; each is a pass on the transport.

import { call, contentOf, reach } from "/page/api.js";
import { $, attempt, toast } from "/page/dom.js";
import { asked } from "/page/make.js";
import { isPlaying, player, showMix, sound } from "/page/sound.js";

const [BARS, RATE, CHANNELS] = [4, 44100, 2]; // of a block, and of the samples, which have 16 bits
const SLOWEST = 90, FASTEST = 180;
const BLOCKS_AHEAD = 2; // that are here before they are needed; the server makes no more until one is taken
const STREAMS = "/api/streams";
const NAME = "stream"; // of its track
let leaving = null; // ends the stream that plays or starts

// The frame at which a block begins: rounded from the start, as the server does.
const begin = (number, bpm) => Math.round((number * BARS * 4 * 60 * RATE) / bpm);

function decoded(bytes, context) {
  const samples = new Int16Array(bytes.buffer);
  const buffer = context.createBuffer(CHANNELS, samples.length / CHANNELS, RATE);
  for (let channel = 0; channel < CHANNELS; channel++) {
    const wanted = buffer.getChannelData(channel);
    for (let frame = 0; frame < wanted.length; frame++) wanted[frame] = samples[CHANNELS * frame + channel] / 32768;
  }
  return buffer;
}

async function* blocksOf(body, bpm, context) {
  const reader = body.getReader();
  let left = new Uint8Array(0);
  for (let number = 0; ; number++) {
    const bytes = new Uint8Array(2 * CHANNELS * (begin(number + 1, bpm) - begin(number, bpm)));
    for (let at = 0; at < bytes.length; ) {
      if (!left.length) left = (await reader.read().catch(() => ({}))).value; // a lost connection ends it, too
      if (!left) return;
      const part = left.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      left = left.subarray(part.length);
    }
    yield decoded(bytes, context);
  }
}

async function start({ bpm: wanted, model, style, seed, controls }, leave) {
  const transport = sound(); // while the click allows it
  if (Object.keys(controls).length) toast("A stream follows model, style, tempo and seed. The sliders are for loops.");
  const { master } = transport;
  const bpm = master ? Math.min(FASTEST, Math.max(SLOWEST, (60 * 4 * RATE * master.bars) / master.frames)) : wanted;
  const answer = await reach(STREAMS, {
    method: "POST", signal: leave.signal, headers: { "content-type": "application/json" }, body: JSON.stringify({ model, style, seed, bpm }),
  });
  if (!answer.ok) await contentOf(answer); // which throws
  const blocks = blocksOf(answer.body, bpm, transport.context);
  const first = (await blocks.next()).value;
  const number = answer.headers.get("x-stream");
  if (!first) return leave.signal.aborted ? null : ended(number);
  await play({ id: NAME, bars: BARS, bpm, name: `Stream: ${style ?? model.split("/").at(-1)} ${seed}` }, first, blocks, leave);
  if (!leave.signal.aborted) await ended(number);
}

// Stop, and say why the music ended by itself.
async function ended(number) {
  stop();
  const reason = await call("GET", `${STREAMS}/${number}`).then((told) => told.reason, () => "the connection to the studio was lost.");
  toast(`The stream has ended: ${reason}`);
}

// Play the first block, and take the others as they are needed.
async function play(track, first, blocks, leave) {
  const ready = [];
  let taken = () => {};
  const feed = {
    frames: (BARS * 4 * 60 * RATE) / track.bpm, // a fraction, so that bar lines never drift
    next: () => {
      const block = ready.shift() ?? null;
      taken();
      return block;
    },
    close: () => leave.abort(),
  };
  player.transport.start(track, first, { alone: true, feed });
  showMix();
  for await (const block of blocks) {
    ready.push(block);
    if (ready.length >= BLOCKS_AHEAD) await new Promise((resolve) => (taken = resolve));
    if (leave.signal.aborted) return;
  }
}

function stop() {
  leaving?.abort();
  leaving = null;
  player.transport?.stop(NAME);
  showMix();
}

export const toggle = () => attempt(async () => {
  if (leaving) return stop();
  const form = asked();
  if (!form) return null;
  const leave = (leaving = new AbortController());
  show();
  try {
    return await start(form, leave);
  } catch (error) {
    if (leave.signal.aborted) return null; // stopped while a block was on its way
    stop();
    throw error;
  }
});

function show() {
  if (leaving?.signal.aborted) leaving = null; // another loop took its place
  $("stream").setAttribute("aria-pressed", String(!!leaving));
  $("stream").firstChild.textContent = !leaving ? "Stream without end " : isPlaying(NAME) ? "Stop the stream " : "The stream begins … ";
}

$("stream").addEventListener("click", toggle);
player.onChange.push(show);
