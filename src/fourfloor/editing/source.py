"""A file -> the loop that the verbs work on: stereo, 44.1 kHz, whole bars; everything else is refused in one line."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fourfloor import audio
from fourfloor.audio import AudioError, LoopTags, display_name
from fourfloor.packs.loops import PackLoop, find_loops, whole_bars
from fourfloor.signal.beatgrid import BPM_RANGE, SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A loop read from a file: `waveform` float32 `(2, samples)` within ±1, and what its file says of it."""

    path: Path
    waveform: np.ndarray
    bpm: float
    bars: int
    tags: LoopTags


def check_source(path: Path, bpm: float | None = None) -> PackLoop:
    """Check all that a file's header says; the tempo is `bpm`, or that of the tags, or of the name.

    Raises AudioError in one line for a file that is not a stereo loop of whole bars at 44.1 kHz.
    """
    info = audio.probe(path)
    if info.channels != 2:
        has = "is mono" if info.channels == 1 else f"has {info.channels} channels"
        raise AudioError(path, f"{has}, a loop must be stereo; convert it: {_converted(path, '-c 2', 'stereo')}")
    if info.sample_rate != SAMPLE_RATE:
        convert = _converted(path, f"-r {SAMPLE_RATE}", "converted")
        raise AudioError(path, f"has {info.sample_rate} Hz, a loop must have {SAMPLE_RATE}; convert it: {convert}")
    found = find_loops([path], bpm)[0]
    low, high = BPM_RANGE
    if not low <= found.bpm <= high:
        factor = 2 if found.bpm < low else 0.5
        remedy = f"pass --bpm {found.bpm * factor:g}" if low <= found.bpm * factor <= high else "use another loop"
        raise AudioError(path, f"{found.bpm:g} BPM is outside {low:g}-{high:g}; {remedy}")
    return found


def _converted(path: Path, option: str, word: str, effect: str = "") -> str:
    """Return the command that makes a loop of a file; its name keeps the tempo, which sox drops from the tags."""
    target = path.with_name(f"{path.stem}_{word}.wav")
    words = ["sox", shlex.quote(display_name(path)), option, shlex.quote(display_name(target)), effect]
    return " ".join(filter(None, words))


def read_source(path: Path, bpm: float | None = None) -> Source:
    """Read a loop; AudioError in one line where it does not serve."""
    found = check_source(path, bpm)
    waveform = audio.decode(path, SAMPLE_RATE, 2, exact=True)
    bars = whole_bars(path, waveform.shape[1] / SAMPLE_RATE, found.bpm)
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > 1:
        raise AudioError(path, f"peaks {20 * np.log10(peak):.1f} dB above full scale; turn it down")
    if audio.cancels_in_mono(waveform):  # the networks find next to nothing in it
        invert = _converted(path, "", "inverted", "remix 1 2v-1")
        raise AudioError(path, f"left and right cancel in mono; invert one channel: {invert}")
    held = audio.read_tags(path) if path.suffix.lower() in (".wav", ".wave") else None
    tags = held or LoopTags(bpm=found.bpm, bars=bars, title=display_name(path.stem))
    return Source(path=path, waveform=waveform, bpm=found.bpm, bars=bars, tags=replace(tags, bpm=found.bpm, bars=bars))
