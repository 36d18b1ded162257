"""Files that are whole bars from their first sample to their last, as sample packs and loops of our own are.

In come a file's length, the tempi that are claimed for it and what can be measured; out come its tempo and bars where
the length fits to a few samples. Such a file is a circle: it starts at 0, nothing is cut off and nothing padded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from fourfloor.audio import read_tags
from fourfloor.ingestion.slicing import NEAR_SECONDS
from fourfloor.ingestion.tempo import Grid, analyze_onsets, fit_grid, fit_tempo
from fourfloor.signal.beatgrid import loop_samples

# Longer files are streamed: 32 bars at 170 BPM fit, and 16 bars at 90.
CIRCLE_SECONDS = 45.0
# Encoders and editors round a length by a sample or a few; by chance one file in 5,000 is so near to whole bars.
_ALLOWED_SECONDS = 2e-4
# A circle is repeated for at least this long before its tempo is measured.
_REPEATED_SECONDS = 15.0
# The length that a measured tempo gives to these bars may differ so much from the file's.
_FIT_SECONDS = 0.012
_LOOP_BARS = (1, 2, 4, 8)
# A single sound, repeated, is as regular as a bar of music: only what repeats inside a file says that it is music.
_MEASURED_BARS = 4
_NUMBER = re.compile(r"(?<![\d.])(\d{2,3}(?:[.p]\d{1,2})?)(?!\d)")
_NAMED_BPM = (50.0, 220.0)


@dataclass(frozen=True, kw_only=True)
class Circle:
    """Say that a file is `bars` bars at `bpm`, and how sure that is (0-1)."""

    bpm: float
    bars: int
    confidence: float


def claimed_tempi(path: Path, given: float | None) -> list[float]:
    """Return the tempi claimed for a file: the given one alone, else its tag's and the numbers in its name."""
    if given is not None:
        return [given]
    tags = read_tags(path)
    return ([tags.bpm] if tags else []) + named_tempi(path.stem)


def named_tempi(name: str) -> list[float]:
    """Return the numbers in a name that may be tempi: "126", "126.5" or "126p5"."""
    numbers = [float(number.replace("p", ".")) for number in _NUMBER.findall(name)]
    return [bpm for bpm in numbers if _NAMED_BPM[0] <= bpm <= _NAMED_BPM[1]]


def whole_bars(samples: int, sample_rate: int, bpm: float) -> int:
    """Return how many bars of this tempo a length is to a few samples, 0 where it is not whole bars."""
    bar = 240.0 / bpm * sample_rate
    bars = round(samples / bar)
    return bars if abs(samples - bars * bar) <= max(1.0, _ALLOWED_SECONDS * sample_rate) else 0


def find_circle(waveform: np.ndarray, sample_rate: int, claims: list[float], given: bool) -> Circle | None:
    """Return what a short file (channels, samples) is in whole bars, None where it is not.

    A claimed tempo that fits one, two, four or eight bars is believed; any other length, and a measured tempo, must
    also have its downbeat at the first sample, since excerpts of round seconds are whole bars at some tempi.
    """
    samples = waveform.shape[1]
    fitting = [(bpm, bars) for bpm in claims if (bars := whole_bars(samples, sample_rate, bpm))]
    for bpm, bars in fitting:
        if bars in _LOOP_BARS:
            return Circle(bpm=bpm, bars=bars, confidence=1.0)
    repeats = max(2, int(np.ceil(_REPEATED_SECONDS * sample_rate / samples)))
    at_once = max(1, sample_rate // samples)  # a second: a block for each of a million samples takes minutes
    blocks = (np.tile(waveform, min(at_once, repeats - first)) for first in range(0, repeats, at_once))
    onsets = analyze_onsets(blocks, sample_rate)
    for bpm, bars in fitting:
        if starts_at_zero(fit_grid(onsets, bpm)):
            return Circle(bpm=bpm, bars=bars, confidence=1.0)
    if given:
        return None
    grid = fit_grid(onsets)
    seconds = samples / sample_rate
    bars = round(seconds * grid.bpm / 240.0)
    if bars < _MEASURED_BARS or not _fills(seconds, bars, grid.bpm) or not starts_at_zero(grid):
        return None
    # Repeats pull the measured tempo toward the one at which they close: the file on its own must have it, too.
    alone = analyze_onsets([waveform], sample_rate)
    if not _fills(seconds, bars, fit_tempo(alone.standardized(), alone.frame_rate)[0]):
        return None
    return Circle(bpm=length_tempo(samples, bars, sample_rate), bars=bars, confidence=grid.confidence)


def _fills(seconds: float, bars: int, bpm: float) -> bool:
    """Return whether so many bars of a measured tempo are so long, as far as can be measured."""
    return abs(seconds - bars * 240.0 / bpm) <= _FIT_SECONDS


def starts_at_zero(grid: Grid) -> bool:
    """Return whether a bar begins at the first sample, as far as can be measured."""
    bar = 240.0 / grid.bpm
    return abs((grid.first_downbeat + bar / 2) % bar - bar / 2) <= NEAR_SECONDS


def length_tempo(samples: int, bars: int, sample_rate: int) -> float:
    """Return the roundest tempo at which so many bars are so many samples: exactly where they make a loop."""
    allowed = 0 if bars in _LOOP_BARS else _ALLOWED_SECONDS * sample_rate
    bpm = Fraction(240 * bars * sample_rate, samples)
    for step in (Fraction(1), Fraction(1, 2), Fraction(1, 10), Fraction(1, 100), Fraction(1, 10_000)):
        rounded = float(round(bpm / step) * step)
        if abs(loop_samples(rounded, bars, sample_rate) - samples) <= allowed:
            return rounded
    return float(bpm)
