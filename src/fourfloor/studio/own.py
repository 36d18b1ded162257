"""A person's own loops -> loops of the library: whole bars, stereo, 44.1 kHz, or one line that says why not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor as ff
from fourfloor import audio
from fourfloor.audio import AudioError
from fourfloor.errors import FourfloorError
from fourfloor.packs.loops import TOLERANCE_SECONDS
from fourfloor.signal.beatgrid import BAR_COUNTS, BPM_RANGE, SAMPLE_RATE
from fourfloor.studio.collection import UPLOADS
from fourfloor.studio.making import keep
from fourfloor.studio.worker import Say

LONGEST_SECONDS = BAR_COUNTS[-1] * 240 / BPM_RANGE[0] + 1


def take_in(job: dict[str, Any], say: Say) -> None:
    """Make a loop of each file of an upload; the result names the files that are not loops, and why."""
    request, refused = job["request"], []
    folder = Path(UPLOADS) / request["upload"]
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
    for number, path in enumerate(files):
        try:
            loop, notes = read(path, request["bpm"])
            row = keep(loop, f"{job['id']}-{number}", verb="import", model=None, title=path.stem)
            say("loop", **row, tags=notes)
        except AudioError as error:
            refused.append({"file": path.name, "reason": error.reason})
        say("progress", done=number + 1, total=len(files), text=path.name)
    if not files:
        raise FourfloorError("the files of this upload are gone; drop them again")
    if len(refused) == len(files):
        raise FourfloorError("; ".join(audio.few_lines([(one["file"], one["reason"]) for one in refused], most=3)))
    shutil.rmtree(folder)
    say("result", refused=refused)


def read(path: Path, bpm: float | None = None) -> tuple[ff.Loop, list[str]]:
    """Read a file as a loop and say what was changed; AudioError where it is not 1, 2, 4 or 8 whole bars.

    The tempo is `bpm`, the tags', the name's, or the one at which the file is a number of bars that loops have: tempi
    of one octave leave one such number.
    """
    info = audio.probe(path)
    if info.seconds > LONGEST_SECONDS:
        raise AudioError(path, f"{info.seconds:.0f} s are longer than a loop of 8 bars; cut a loop out of it")
    tags = audio.read_tags(path) if path.suffix.lower() in (".wav", ".wave") else None
    waveform = audio.decode(path, SAMPLE_RATE, 2)
    seconds, notes = waveform.shape[1] / SAMPLE_RATE, _changes(info)
    known = bpm or (tags.bpm if tags else None) or audio.tempo_in_name(path.stem)
    if known is None:
        known, notes = _fitting(path, seconds), [*notes, "tempo by length"]
    exact = seconds * known / 240
    bars = round(exact)
    if bars not in BAR_COUNTS or not BPM_RANGE[0] <= known <= BPM_RANGE[1]:
        raise AudioError(path, f"{exact:.2f} bars at {known:g} BPM; a loop has 1, 2, 4 or 8 bars at 90 to 180 BPM")
    if abs(seconds - bars * 240 / known) > TOLERANCE_SECONDS:
        fitting = bars * 240 / seconds
        raise AudioError(path, f"{exact:.3f} bars at {known:g} BPM; cut it to whole bars, or say {fitting:.5g} BPM")
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > 1:
        waveform, notes = waveform / peak, [*notes, "turned down"]
    loop = ff.Loop(waveform=waveform, bpm=known, bars=bars, key=tags.key if tags else None)
    return replace(loop, edited=path.stem), notes


def _changes(info: audio.AudioInfo) -> list[str]:
    made = [f"was {info.sample_rate} Hz"] if info.sample_rate != SAMPLE_RATE else []
    return [*made, *(["was mono"] if info.channels == 1 else ["was surround"] if info.channels > 2 else [])]


def _fitting(path: Path, seconds: float) -> float:
    low, high = BPM_RANGE
    for bars in BAR_COUNTS[::-1]:  # 180 BPM of 8 bars rather than 90 of 4
        if low <= bars * 240 / max(seconds, 1e-9) <= high:
            return bars * 240 / seconds
    raise AudioError(path, f"lasts {seconds:.2f} s, not whole bars at 90-180 BPM; cut it to 1, 2, 4 or 8 bars")
