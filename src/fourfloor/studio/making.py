"""What the worker makes: loops into the library, and packs of them. Its current folder is the library."""

from __future__ import annotations

import collections
import functools
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor as ff
from fourfloor.api.outputs import loop_title
from fourfloor.api.parallel import in_parallel
from fourfloor.audio import plain_word
from fourfloor.saving import save_file
from fourfloor.signal import picture
from fourfloor.studio import sounds
from fourfloor.studio.collection import LOOPS
from fourfloor.studio.sounds import VECTOR
from fourfloor.studio.worker import Say

OUTLINE_POINTS = 600  # of a waveform as a card shows it
PACKS = "packs"
_PICTURE_WIDTH, _PICTURE_HEIGHT = 640, 160


def generate(job: dict[str, Any], say: Say) -> None:
    """Make the loops of a request, told as they are done: a loop that is drawn again holds no other back.

    The first one is made alone, because on busy cores it is then finished in half the time. Those that an earlier
    server made of the same job are told again, not made.
    """
    request, name = job["request"], job["id"]
    count = request["count"]
    missing = [number for number in range(count) if not _row_path(f"{name}-{number}").exists()]
    for number in sorted(set(range(count)) - set(missing)):
        say("loop", **json.loads(_row_path(f"{name}-{number}").read_bytes())["row"])
    if not missing:
        return
    say("progress", done=count - len(missing), total=count, text="loading the model")
    model, controls = model_of(request["model"]), ff.Controls(**request["controls"])
    asked = {"bpm": request["bpm"], "bars": request["bars"], "style": request["style"], "controls": controls}
    model.request(**asked, seed=request["seed"] + count - 1)  # refused before anything is made
    numbers = itertools.count(count - len(missing) + 1)

    def make(number: int) -> None:
        loop = model.generate(**asked, seed=request["seed"] + number)
        say("loop", **keep(loop, f"{name}-{number}", verb="generate", model=request["model"]))
        done = next(numbers)
        say("progress", done=done, total=count, text=f"{done} of {count} loops")

    first, *rest = missing
    make(first)
    if rest:
        collections.deque(in_parallel(lambda place: make(rest[place]), len(rest)), maxlen=0)


def keep(
    loop: ff.Loop, name: str, *, verb: str, model: str | None, parent: str | None = None, title: str = ""
) -> dict[str, Any]:
    """Write a loop's files into the library and return its row; the row is the last that is written.

    `model` is None for a loop that no model made; what a model's loop is measured by is then left out.
    """
    title = title or loop_title(plain_word(Path(model or "own").name), loop.request)
    loop.save(Path(LOOPS) / f"{name}.wav", overwrite=True)
    drawn = picture.spectrogram(loop.waveform, loop.sample_rate, _PICTURE_WIDTH, _PICTURE_HEIGHT)
    drawn.save(Path(LOOPS) / f"{name}.png")
    save_file(Path(LOOPS) / f"{name}.{VECTOR}", sounds.vector_of(loop.waveform, loop.sample_rate, loop.bars).tobytes())
    row = {
        "id": name, "title": title, "verb": verb, "model": model, "parent": parent,
        "bpm": loop.bpm, "bars": loop.bars, "frames": loop.waveform.shape[1], "sample_rate": loop.sample_rate,
        "seed": str(loop.seed), "style": loop.style, "key": loop.key, "controls": loop.controls.asked,
        "measured": dict(loop.measured), "faults": list(loop.faults), "seam": loop.seam if model else None,
        "copy_score": loop.copy.score, "nearest": f"{loop.copy.track} @ {loop.copy.seconds:.1f} s" if model else None,
        "command": json.loads(loop.comment).get("command") if loop.comment else None,
    }  # fmt: skip
    save_file(_row_path(name), json.dumps({"row": row, "outline": outline(loop.waveform)}).encode())
    return row


def outline(waveform: np.ndarray) -> list[float]:
    """Return the peaks of a waveform `(channels, samples)` at `OUTLINE_POINTS` places, for a picture of it."""
    peaks = np.abs(waveform).max(axis=0)
    edges = np.linspace(0, peaks.size, OUTLINE_POINTS, endpoint=False).astype(int)
    return [round(float(value), 3) for value in np.maximum.reduceat(peaks, edges)]


def pack(job: dict[str, Any], say: Say) -> None:
    """Pack loops of the library as a zip."""
    request = job["request"]
    Path(PACKS).mkdir(exist_ok=True)
    out = Path(PACKS) / f"{job['id']}.zip"
    report = ff.pack(
        [Path(LOOPS) / f"{name}.wav" for name in request["loops"]], out, name=request["name"], as_zip=True,
        overwrite=True, on_progress=lambda done, total, text: say("progress", done=done, total=total, text=text),
    )  # fmt: skip
    say("result", file=out.name, notes=list(report.notes))


@functools.lru_cache(maxsize=2)
def model_of(source: str) -> ff.Model:
    """Load a model of the menu; the last two stay loaded."""
    return ff.load(source)


def _row_path(name: str) -> Path:
    return Path(LOOPS) / f"{name}.json"
