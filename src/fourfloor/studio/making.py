"""What the worker does with loops: generate them into the library, and pack them. Its current folder is the library."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor as ff
from fourfloor.api.outputs import loop_title
from fourfloor.audio import plain_word
from fourfloor.saving import save_file
from fourfloor.signal import picture
from fourfloor.studio.collection import LOOPS
from fourfloor.studio.worker import Say

OUTLINE_POINTS = 600  # of a waveform as a card shows it
PACKS = "packs"
_PICTURE_WIDTH, _PICTURE_HEIGHT = 640, 160


def generate(job: dict[str, Any], say: Say) -> None:
    """Make the loops of a request; those that an earlier server made of the same job are told again, not made."""
    request = job["request"]
    count, name = request["count"], job["id"]
    first = next((number for number in range(count) if not _row_path(f"{name}-{number}").exists()), count)
    for number in range(first):
        say("loop", **json.loads(_row_path(f"{name}-{number}").read_bytes())["row"])
    if first < count:
        say("progress", done=first, total=count, text="loading the model")
        model = _model(request["model"])
        loops = model.generate_many(
            count - first, bpm=request["bpm"], bars=request["bars"], seed=request["seed"] + first,
            style=request["style"], controls=ff.Controls(**request["controls"]),
        )  # fmt: skip
        for number, loop in enumerate(loops, first):
            say("loop", **keep(loop, f"{name}-{number}", verb="generate", model=request["model"]))
            say("progress", done=number + 1, total=count, text=f"loop {number + 1} of {count}")


def vary(job: dict[str, Any], say: Say) -> None:
    """Make variations of a loop of the library."""
    request, name = job["request"], job["id"]
    made = _model(request["model"]).vary(
        _source(request), amount=request["amount"], count=request["count"], seed=request["seed"]
    )
    for number, loop in enumerate(made):
        _keep_edit(loop, f"{name}-{number}", job, say)


def fill(job: dict[str, Any], say: Say) -> None:
    """Make a region of a loop of the library new."""
    request = job["request"]
    beats = request["first_beat"], request["last_beat"]
    made = _model(request["model"]).fill(_source(request), beats=beats, band=request["band"], seed=request["seed"])
    _keep_edit(made, f"{job['id']}-0", job, say)


def extend(job: dict[str, Any], say: Say) -> None:
    """Continue a loop of the library to twice its length."""
    request = job["request"]
    made = _model(request["model"]).extend(_source(request), seed=request["seed"])
    _keep_edit(made, f"{job['id']}-0", job, say)


def _source(request: dict[str, Any]) -> Path:
    return Path(LOOPS) / f"{request['loop']}.wav"


def _keep_edit(loop: ff.Loop, name: str, job: dict[str, Any], say: Say) -> None:
    """Keep a loop that was made of another, under that one's title."""
    request = job["request"]
    title = loop.title.replace(request["loop"], request["title"], 1)
    say("loop", **keep(loop, name, verb=job["kind"], model=request["model"], parent=request["loop"], title=title))


def keep(
    loop: ff.Loop, name: str, *, verb: str, model: str, parent: str | None = None, title: str = ""
) -> dict[str, Any]:
    """Write a loop's files into the library and return its row; the row is the last that is written."""
    title = title or loop_title(plain_word(Path(model).name), loop.request)
    loop.save(Path(LOOPS) / f"{name}.wav", overwrite=True)
    drawn = picture.spectrogram(loop.waveform, loop.sample_rate, _PICTURE_WIDTH, _PICTURE_HEIGHT)
    drawn.save(Path(LOOPS) / f"{name}.png")
    row = {
        "id": name, "title": title, "verb": verb, "model": model, "parent": parent,
        "bpm": loop.bpm, "bars": loop.bars, "frames": loop.waveform.shape[1], "sample_rate": loop.sample_rate,
        "seed": str(loop.seed), "style": loop.style, "key": None, "controls": loop.controls.asked,
        "measured": dict(loop.measured), "faults": list(loop.faults), "seam": loop.seam,
        "copy_score": loop.copy.score, "nearest": f"{loop.copy.track} @ {loop.copy.seconds:.1f} s",
        "command": json.loads(loop.comment)["command"],
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
def _model(source: str) -> ff.Model:
    return ff.load(source)


def _row_path(name: str) -> Path:
    return Path(LOOPS) / f"{name}.json"
