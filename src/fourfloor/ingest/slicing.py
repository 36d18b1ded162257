"""Track + grid -> loops of whole bars.

In come a track's grid and its audio as a stream of blocks, out come loops, float32 (channels, frames), each exactly as
long as its tempo says and starting on a downbeat, to the nearest sample. Memory is bounded by one loop and one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fourfloor.ingest.tempo import Grid
from fourfloor.representations.beatgrid import loop_samples

# Producers choose whole tempi far more often than halves, and those more often than hundredths.
_TEMPO_STEPS = (Fraction(1), Fraction(1, 2), Fraction(1, 10), Fraction(1, 100))
# A comb fit finds the first and the last onset of a track to about a frame and a half of 2.9 ms each.
_FIT_ERROR_SECONDS = 0.008
# A track exported as whole bars misses its first or last loop by the error of the phase: pad so much.
_EDGE_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Say where to cut: `starts_samples` (loops,) may be a little negative; `bar_numbers` (loops,) count from 0."""

    bpm: float
    starts_samples: np.ndarray
    bar_numbers: np.ndarray
    loop_samples: int


def round_tempo(bpm: float, seconds: float) -> float:
    """Return the roundest tempo that the fit cannot tell from `bpm` over `seconds` of audio.

    Where none is near enough the fitted tempo is kept to 1e-4 BPM: a loop's length follows from its own tempo to the
    nearest sample, so audio is never stretched to fit a round number.
    """
    tolerance = bpm * _FIT_ERROR_SECONDS / max(seconds, 10.0)
    for step in _TEMPO_STEPS:
        rounded = float(round(Fraction(bpm) / step) * step)
        if abs(rounded - bpm) <= tolerance:
            return rounded
    return round(bpm, 4)


def octave_factor(bpm: float, bpm_range: tuple[float, float]) -> float:
    """Return 2 or 0.5 where music counts at double or half its tempo to come into a range, else 1.

    A bar of 85 BPM is two bars of 170 BPM, as drum and bass counts them.
    """
    low, high = bpm_range
    return next((factor for factor in (1.0, 2.0, 0.5) if low <= bpm * factor <= high), 1.0)


def plan_cuts(grid: Grid, bpm: float, seconds: float, sample_rate: int, bars: int, hop_bars: int) -> Cuts:
    """Place loops of `bars` bars every `hop_bars` bars on the grid, at tempo `bpm` (the grid's own, rounded).

    The rounded grid is pinned to the fitted one in the middle of the track, where it is known best.
    """
    fitted_bar, bar = 240.0 / grid.bpm, 240.0 / bpm
    middle = round((seconds / 2 - grid.first_downbeat) / fitted_bar)
    first = grid.first_downbeat + middle * (fitted_bar - bar)
    first += bar * np.ceil((-_EDGE_SECONDS - first) / bar)
    starts = first + bar * np.arange(0, max(0, int(seconds / bar) + 2), hop_bars)
    starts = starts[starts + bars * bar <= seconds + _EDGE_SECONDS]
    return Cuts(
        bpm=bpm,
        starts_samples=np.round(starts * sample_rate).astype(np.int64),
        bar_numbers=np.arange(len(starts)) * hop_bars,
        loop_samples=loop_samples(bpm, bars, sample_rate),
    )


def cut_loops(blocks: Iterable[np.ndarray], cuts: Cuts) -> Iterator[np.ndarray]:
    """Yield the loops of a stream of (channels, samples) blocks, in order; a missing edge is filled with silence."""
    starts, length = cuts.starts_samples.tolist(), cuts.loop_samples
    position = 0  # where in the track `held` begins
    held: np.ndarray | None = None
    for block in blocks:
        if not starts:
            return
        if held is None:
            position = min(0, starts[0])
            held = np.zeros((len(block), -position), np.float32)
        held = np.concatenate([held, block], axis=1)
        while starts and starts[0] + length <= position + held.shape[1]:
            begin = starts.pop(0) - position
            yield held[:, begin : begin + length]
        if starts:
            skipped = min(max(0, starts[0] - position), held.shape[1])
            held, position = held[:, skipped:], position + skipped
    for start in starts:
        if held is not None:
            tail = held[:, start - position :][:, :length]
            yield np.pad(tail, ((0, 0), (0, length - tail.shape[1])))
