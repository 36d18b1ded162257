"""Track + grid -> loops of whole bars.

In come a track's grid and its audio as a stream of blocks, out come loops, float32 (channels, frames), each exactly as
long as its tempo says and starting on a downbeat, to the nearest sample. Memory is bounded by one loop and one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from fourfloor.ingestion.pieces import Piece
from fourfloor.ingestion.tempo import Grid
from fourfloor.signal.beatgrid import loop_samples

# Producers choose whole tempi far more often than halves, and those more often than hundredths.
_TEMPO_STEPS = (Fraction(1), Fraction(1, 2), Fraction(1, 10), Fraction(1, 100))
# A comb fit finds the first and the last onset of a track to about a frame and a half of 2.9 ms each.
_FIT_ERROR_SECONDS = 0.008
# A bar that seems to begin so near to the first sample begins there: 27 whole tracks that do so are fitted within 8 ms,
# and one track in 100 that does not is so near by chance.
NEAR_SECONDS = 0.01
# A track exported as whole bars misses its first or last loop by the error of the phase: pad so much.
_EDGE_SECONDS = 0.02
_MOST_WRAPPED = 4096
# More bars than a track has: no loop of one piece goes on into the next piece.
_BARS_APART = 100_000


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Say where to cut: one row a loop.

    starts_samples (may be a little negative), lengths_samples, bpms (each loop's own tempo), and bar_numbers, which
    count from 0 and go on only where one loop goes on into the next. `wraps`: the track goes on at its start.
    """

    starts_samples: np.ndarray
    lengths_samples: np.ndarray
    bpms: np.ndarray
    bar_numbers: np.ndarray
    wraps: bool = False

    def __len__(self) -> int:
        """Return the number of loops."""
        return len(self.starts_samples)

    def only(self, kept: np.ndarray) -> Cuts:
        """Return the loops for which `kept` (loops,) is true."""
        return replace(
            self, starts_samples=self.starts_samples[kept], lengths_samples=self.lengths_samples[kept],
            bpms=self.bpms[kept], bar_numbers=self.bar_numbers[kept],
        )  # fmt: skip


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


def plan_cuts(grid: Grid, bpm: float, seconds: float, sample_rate: int, bars: int, hop_bars: int) -> Cuts:
    """Place loops of `bars` bars every `hop_bars` bars on the grid, at tempo `bpm` (the grid's own, rounded).

    The rounded grid is pinned to the fitted one in the middle of the track, where it is known best. Where a bar then
    begins at the first sample, as far as can be measured, it does so exactly: programs export from a bar line on.
    """
    fitted_bar, bar = 240.0 / grid.bpm, 240.0 / bpm
    middle = round((seconds / 2 - grid.first_downbeat) / fitted_bar)
    first = grid.first_downbeat + middle * (fitted_bar - bar)
    first += bar * np.ceil((-_EDGE_SECONDS - first) / bar)
    first = 0.0 if abs(first) <= NEAR_SECONDS else first
    starts = first + bar * np.arange(0, max(0, int(seconds / bar) + 2), hop_bars)
    starts = starts[starts + bars * bar <= seconds + _EDGE_SECONDS]
    return _cuts(starts * sample_rate, bpm, bars, hop_bars, sample_rate)


def whole_cuts(bpm: float, bars_in_file: int, sample_rate: int, bars: int, hop_bars: int) -> Cuts:
    """Place loops at exact multiples of the bar in a file that is whole bars; fewer bars than a loop's are repeated."""
    starts = np.arange(0, max(1, bars_in_file - bars + 1), hop_bars) * (240.0 / bpm * sample_rate)
    return replace(_cuts(starts, bpm, bars, hop_bars, sample_rate), wraps=True)


def piece_cuts(pieces: list[Piece], sample_rate: int, bars: int, hop_bars: int) -> Cuts:
    """Place loops in each piece from its first downbeat on; each has the tempo at its place."""
    planned = [_in_piece(piece, sample_rate, bars, hop_bars, number) for number, piece in enumerate(pieces)]
    return Cuts(
        starts_samples=np.concatenate([cuts.starts_samples for cuts in planned]),
        lengths_samples=np.concatenate([cuts.lengths_samples for cuts in planned]),
        bpms=np.concatenate([cuts.bpms for cuts in planned]),
        bar_numbers=np.concatenate([cuts.bar_numbers for cuts in planned]),
    )


def piece_numbers(cuts: Cuts) -> np.ndarray:
    """Return from which of the pieces each loop comes."""
    return cuts.bar_numbers // _BARS_APART


def _in_piece(piece: Piece, sample_rate: int, bars: int, hop_bars: int, number: int) -> Cuts:
    low, high = piece.beat_map.beat(np.array([piece.begin - _EDGE_SECONDS, piece.end + _EDGE_SECONDS]))
    beats = np.arange(4 * np.ceil(low / 4), high - 4 * bars + 1e-6, 4 * hop_bars)
    starts = piece.beat_map.at(beats)
    bpms = np.round(240.0 * bars / (piece.beat_map.at(beats + 4 * bars) - starts), 4)
    return Cuts(
        starts_samples=np.round(starts * sample_rate).astype(np.int64),
        lengths_samples=np.array([loop_samples(bpm, bars, sample_rate) for bpm in bpms], np.int64),
        bpms=bpms,
        bar_numbers=number * _BARS_APART + np.arange(len(starts)) * hop_bars,
    )


def _cuts(starts: np.ndarray, bpm: float, bars: int, hop_bars: int, sample_rate: int) -> Cuts:
    count = len(starts)
    return Cuts(
        starts_samples=np.round(starts).astype(np.int64),
        lengths_samples=np.full(count, loop_samples(bpm, bars, sample_rate)),
        bpms=np.full(count, bpm),
        bar_numbers=np.arange(count) * hop_bars,
    )


def no_cuts() -> Cuts:
    """Return cuts of no loop."""
    return _cuts(np.zeros(0), 120.0, 1, 1, 1)


def circle_loops(circle: np.ndarray, cuts: Cuts) -> Iterator[np.ndarray]:
    """Yield the loops of a circle (channels, samples), which goes on at its start where it ends."""
    for start, length in zip(cuts.starts_samples, cuts.lengths_samples, strict=True):
        yield np.take(circle, start + np.arange(length), axis=1, mode="wrap")


def cut_loops(blocks: Iterable[np.ndarray], cuts: Cuts) -> Iterator[np.ndarray]:
    """Yield the loops of a stream of (channels, samples) blocks, in order.

    A missing edge is filled with silence, or, where the cuts wrap, with the beginning of the track.
    """
    waiting = list(zip(cuts.starts_samples.tolist(), cuts.lengths_samples.tolist(), strict=True))
    position = 0  # where in the track `held` begins
    held: np.ndarray | None = None
    head = np.zeros((1, 0), np.float32)
    for block in blocks:
        if not waiting:
            return
        if held is None:
            position = min(0, waiting[0][0])
            held = np.zeros((len(block), -position), np.float32)
            head = block[:, :_MOST_WRAPPED].copy()
        held = np.concatenate([held, block], axis=1)
        while waiting and sum(waiting[0]) <= position + held.shape[1]:
            start, length = waiting.pop(0)
            yield held[:, start - position : start - position + length]
        if waiting:
            skipped = min(max(0, waiting[0][0] - position), held.shape[1])
            held, position = held[:, skipped:], position + skipped
    for start, length in waiting:
        if held is not None:
            tail = held[:, start - position :][:, :length]
            tail = np.concatenate([tail, head[:, : length - tail.shape[1]]], axis=1) if cuts.wraps else tail
            yield np.pad(tail, ((0, 0), (0, length - tail.shape[1])))
