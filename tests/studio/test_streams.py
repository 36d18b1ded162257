"""Music without end: what the server sends, that it waits for the page, and how the page plays it on its clock."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fourfloor as ff
from fourfloor.studio.requests import Stream
from fourfloor.studio.streams import NUMBER, Streams

from .conftest import Studio
from .looking import LIMIT_SECONDS, until, waited_for

FASTEST = {"bpm": 180.0, "seed": "5", "style": "deep house"}
BLOCK = 235_200  # frames of four bars at 180 BPM
# Starts a stream of three blocks, and a loop beside it; returns when each source starts, and what it plays.
PASSES = """
async ([frames, bpm, loop]) => {
  const { Transport } = await import('/page/transport.js');
  const started = [];
  const start = function (at, into) { started.push([at * 44100, this.buffer.name, into * 44100]); };
  const createBufferSource = () => ({ playbackRate: {}, connect() {}, stop() {}, start });
  const createGain = () => ({ gain: {}, connect() {} });
  const context = { currentTime: 0, sampleRate: 44100, createGain, createBufferSource };
  const transport = new Transport(context);
  const block = (name) => ({ name, length: Math.round(frames) }), blocks = ['second', 'third'].map(block);
  const feed = { frames, closed: 0, next: () => blocks.shift() ?? null, close() { this.closed += 1; } };
  const at = transport.start({ id: 'stream', bars: 4, bpm }, block('first'), { alone: true, feed });
  context.currentTime = (at + frames / 8) / 44100;
  transport.start({ id: 'loop', bars: 1, bpm }, { name: 'loop', length: loop }, { alone: false });
  transport.ahead(at + 4.5 * frames);
  transport.stopAll();
  return [started.map(([when, name, into]) => [Math.round(when - at), name, Math.round(into)]), feed.closed];
}
"""


def running(studio: Studio) -> int:
    """Count the processes of streams."""
    return sum(b"stream" in command.split(b"\0") for command in studio.commands().values())


def wait_for_the_end(studio: Studio) -> None:
    """Wait until no stream is made."""
    waited_for(lambda: running(studio) == 0)


def kill(studio: Studio) -> None:
    """Kill the processes of all streams: one that a page has left may be ending."""
    for number, command in studio.commands().items():
        if b"stream" in command.split(b"\0"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def test_a_stream_is_what_the_api_makes_and_ends_when_the_page_leaves(studio: Studio) -> None:
    with studio.client.stream("POST", "/api/streams", json=FASTEST) as answer:
        assert answer.status_code == 200
        sent, pieces = b"", answer.iter_raw()  # once nothing holds the iterator, the answer is closed
        for piece in pieces:
            sent += piece
            if len(sent) >= 4 * BLOCK:
                break
        assert running(studio) >= 1  # one that a page has left may be ending
    wait_for_the_end(studio)
    heard = np.frombuffer(sent[: 4 * BLOCK], "<i2").reshape(-1, 2).T / 32767
    made = next(ff.load("warehouse").stream(bpm=180.0, seed=5, style="deep house"))
    assert np.abs(heard - made).max() < 2 / 32767  # dither and rounding


@pytest.mark.parametrize(
    ("wrong", "said"), [({"style": "polka"}, "polka"), ({"model": "../x"}, "no model"), ({"bpm": 1}, "bpm")]
)
def test_what_cannot_be_streamed_is_one_line(studio: Studio, wrong: dict[str, Any], said: str) -> None:
    answer = studio.client.post("/api/streams", json=wrong)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    wait_for_the_end(studio)


def test_blocks_follow_each_other_on_bar_lines_and_a_late_one_is_bridged(page: Any) -> None:
    frames = 16 * 60 * 44_100 / 124  # no whole number
    bar = frames / 4
    passes, closed = page.evaluate(PASSES, [frames, 124, round(bar)])
    stream = [one for one in passes if one[1] != "loop"]
    assert stream == [
        [round(number * frames), name, 0] for number, name in enumerate(["first", "second", "third", "third", "third"])
    ]
    loop = [when for when, name, _ in passes if name == "loop"]
    assert loop == [round(number * bar) for number in range(1, len(loop) + 1)]  # from the second bar line on
    assert closed == 1


def test_the_page_streams_until_it_is_stopped(page: Any, studio: Studio) -> None:
    page.fill("#make [name=bpm]", "180")
    page.locator("h1").click()
    page.keyboard.press("e")
    until(page, "fourfloor.transport?.place('stream') > 0")
    assert page.locator("#stream").get_attribute("aria-pressed") == "true"
    page.evaluate("window.first = fourfloor.transport.tracks.get('stream').buffer")
    until(page, "fourfloor.transport.tracks.get('stream').buffer !== window.first")
    assert page.evaluate("fourfloor.transport.tracks.get('stream').sources.length") <= 3
    page.locator(".card .play").first.click()  # takes its place on the next bar line
    until(page, "!fourfloor.transport.tracks.has('stream')")
    assert page.locator("#stream").get_attribute("aria-pressed") == "false"
    wait_for_the_end(studio)
    page.locator("#stream").click()
    page.locator("#stream").click()  # while it begins
    wait_for_the_end(studio)
    assert page.locator(".toast").count() == 0


class Failing(Streams):
    """Streams whose process makes a second of silence, says more than a pipe holds, and ends with a code."""

    code = 0

    async def _start(self, wanted: Stream) -> asyncio.subprocess.Process:
        says = "print('100 %', file=sys.stderr)\n" * 2 + "print('x' * 70_000 + '\\n' + LAST, file=sys.stderr)"
        last = "LAST = 'fourfloor: the disk is full'"
        does = f"import sys\n{last}\nsys.stdout.buffer.write(bytes(176_400)); {says}\nsys.exit({self.code})"
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", does, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (2, "the disk is full"),
        (1, "this is a bug in fourfloor; the terminal shows more"),
        (0, "its process ended (exit code 0)"),
    ],
)
def test_a_stream_that_fails_later_says_why(tmp_path: Path, capfd: Any, code: int, reason: str) -> None:
    async def heard() -> tuple[int, str]:
        streams = Failing(tmp_path)
        streams.code = code
        sound = await streams.open(Stream.model_validate({}))
        size = sum([len(piece) async for piece in sound.body_iterator])
        return size, streams.why(sound.headers[NUMBER])

    with ThreadPoolExecutor() as other:  # in this thread the browser's loop may run
        assert other.submit(asyncio.run, heard()).result(LIMIT_SECONDS) == (176_400, reason)
    assert ("the disk is full" in capfd.readouterr().err) == (code == 1)  # of a bug the terminal shows all


def test_the_page_says_why_a_stream_ended(page: Any, studio: Studio) -> None:
    page.fill("#make [name=bpm]", "180")
    page.locator("#stream").click()
    until(page, "fourfloor.transport?.place('stream') > 0")
    kill(studio)
    toast = page.locator(".toast", has_text="The stream has ended: its process ended (SIGKILL)")
    toast.wait_for(timeout=1000 * LIMIT_SECONDS)
    assert page.locator("#stream").get_attribute("aria-pressed") == "false"
    assert page.evaluate("fourfloor.transport.tracks.size") == 0


def test_a_stream_that_plays_or_is_unknown_has_no_reason(studio: Studio) -> None:
    assert studio.client.get("/api/streams/0123456789abcdef").status_code == 404
