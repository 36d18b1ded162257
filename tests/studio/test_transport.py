"""The transport, counted sample by sample in an offline audio context: nothing is lost, nothing drifts."""

from typing import Any

import pytest

from .conftest import Studio

# Plays loops of noise into an offline context and compares with what the transport promises; see `test_the_transport`.
RENDER = """
async ([master, others, seconds, rate]) => {
  const { Transport } = await import('/page/transport.js');
  const context = new OfflineAudioContext(1, seconds * rate, rate), transport = new Transport(context);
  const noise = (frames) => {
    const buffer = context.createBuffer(1, frames, rate), samples = buffer.getChannelData(0);
    for (let i = 0, state = frames; i < frames; i++) {
      state = (state * 1664525 + 1013904223) >>> 0;
      samples[i] = (state / 4294967296 - 0.5) * 0.1;
    }
    return buffer;
  };
  const tracks = [[master, 4], ...others].map(([frames, bars], number) => {
    const buffer = noise(frames);
    return { buffer, bars, at: transport.start({ id: String(number), bars, bpm: 126 }, buffer) };
  });
  transport.ahead(seconds * rate);
  const heard = (await context.startRendering()).getChannelData(0);
  let worst = 0;
  for (let frame = 0; frame < heard.length; frame++) {
    let expected = 0;
    for (const { buffer, bars, at } of tracks) {
      if (frame < at) continue;
      const period = (master * bars) / 4, since = frame - tracks[0].at;
      let pass = Math.floor(since / period) + 1;
      while (Math.round(pass * period) > since) pass -= 1;
      expected += buffer.getChannelData(0)[(since - Math.round(pass * period)) % buffer.length];
    }
    worst = Math.max(worst, Math.abs(heard[frame] - expected));
  }
  return worst;
}
"""
# Plays a loop of the library and compares what is heard with the 24-bit samples of the file it exports.
HEARD = """
async (name) => {
  const { Transport } = await import('/page/transport.js');
  const file = await (await fetch(`/api/loops/${name}/audio`)).arrayBuffer();
  const bytes = new DataView(file), chunks = {};
  for (let at = 12; at < file.byteLength; ) {
    const size = bytes.getUint32(at + 4, true);
    chunks[String.fromCharCode(...new Uint8Array(file, at, 4))] = { at: at + 8, size };
    at += 8 + size + (size % 2);
  }
  const data = chunks['data'], frames = data.size / 6;
  const sample = (frame, channel) => {
    const at = data.at + 6 * frame + 3 * channel;
    return ((bytes.getInt8(at + 2) << 16) | bytes.getUint16(at, true)) / 8388608;
  };
  const seconds = 20, context = new OfflineAudioContext(2, seconds * 44100, 44100);
  const buffer = await context.decodeAudioData(file.slice(0));
  const transport = new Transport(context), loop = { id: 'a', bars: 1, bpm: 126 };
  const at = transport.start(loop, buffer);
  const heard = await context.startRendering();
  let wrong = 0;
  for (const channel of [0, 1]) {
    const samples = heard.getChannelData(channel);
    for (let frame = 0; frame < samples.length; frame++) {
      const expected = frame < at ? 0 : sample((frame - at) % frames, channel);
      if (samples[frame] !== expected) wrong += 1;
    }
  }
  return [buffer.length === frames, heard.length, wrong];
}
"""
# Starts a second loop in place of the first one, two and a half bars in, and returns where both are.
SWAP = """
async ([first, second]) => {
  const { Transport } = await import('/page/transport.js');
  const node = () => ({ gain: {}, playbackRate: {}, connect() {}, start() {}, stop() {} });
  const context = { currentTime: 0, sampleRate: 44100, createGain: node, createBufferSource: node };
  const transport = new Transport(context);
  const start = transport.start({ id: 'a', bars: 4, bpm: 126 }, { length: first });
  context.currentTime = (start + 2.5 * first / 4) / 44100;
  const at = transport.start({ id: 'b', bars: 4, bpm: 126 }, { length: second }, { swap: true });
  context.currentTime = at / 44100;
  return [(at - start) / (first / 16), transport.place('b') * 16, [...transport.tracks.keys()]];
}
"""


@pytest.mark.parametrize("master", [336_000, 341_419, 333_333])
def test_the_transport_repeats_a_loop_without_losing_a_sample(page: Any, master: int) -> None:
    assert page.evaluate(RENDER, [master, [], 40, 44_100]) == 0.0


def test_loops_of_other_lengths_stay_in_step(page: Any) -> None:
    # 666667 is not twice 333333, and 166667 not half of it: each pass begins where its bar line is rounded to.
    assert page.evaluate(RENDER, [333_333, [[666_667, 8], [166_667, 2]], 60, 44_100]) < 1e-7


def test_an_hour_is_counted(page: Any) -> None:
    # At the lowest rate that a browser renders; 60,952 frames are four bars at 126 BPM, 121,905 not quite eight.
    assert page.evaluate(RENDER, [60_952, [[121_905, 8]], 3_600, 8_000]) < 1e-7


def test_what_is_heard_is_the_file_that_is_exported(page: Any, studio: Studio) -> None:
    loop = studio.client.get("/api/loops").json()[-1]["id"]  # the oldest: of one bar
    assert page.evaluate(HEARD, loop) == [True, 20 * 44_100, 0]


@pytest.mark.parametrize("second", [336_000, 400_000])
def test_another_loop_takes_the_place_of_the_first_on_the_next_beat(page: Any, second: int) -> None:
    beat, place, playing = page.evaluate(SWAP, [336_000, second])
    assert beat == pytest.approx(11, abs=1e-3)  # 2.5 bars and the time that a start takes
    assert place == pytest.approx(11, abs=1e-3)
    assert playing == ["b"]
