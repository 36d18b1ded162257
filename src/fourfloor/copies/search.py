"""The first search for copies: which windows of the passages may be like a patch of a loop.

Patches of a loop, at many begins and a few speeds, are looked up in the index, which gives a fixed number of pairs of a
patch and a window, however much music there is. Each pair lies on a line: a passage, and where and how fast the loop
follows it. The best lines are compared in all coarse bands and frames, at every transposition.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fourfloor.copies.patches import COARSE, FRAME_RATE, SEMITONES, LoopLevels
from fourfloor.copies.postings import Lookup, Near
from fourfloor.copies.vocabulary import vocabulary
from fourfloor.copies.windows import Windows

TEMPO_STEP = 0.01  # passages within 1 % share a tempo: 10 ms over half a patch, less than half a frame
QUERY_SECONDS = 1.0  # between the patches of a loop
MAX_PLACES = 512  # of a patch and a window, the best ones, are found
PAIRS = 100_000  # of a patch and a window are looked at in the index,
_NEAREST = 4096  # the best of them go on,
_LINES = 1000  # on that many lines, each at one patch,
_BEST_LINES = 300  # and the best of these at patches all around the loop
_AROUND = range(-3, 5)  # patches beside the one that was looked up, a second apart: all of a loop of four bars
_SPEED_STEP = 0.06  # between the speeds at which a loop is looked up: 30 ms over half a patch, as between begins
_NO_SHIFT = SEMITONES.index(0)  # stands for all in a description, whose bands are two semitones wide and more
_SHIFTED = [number for number, shift in enumerate(SEMITONES) if shift]
_OWN = np.array([0.0, *(SEMITONES[number] * np.log(2) / 12 for number in _SHIFTED)])  # logarithms of speeds,
_OWN_SHIFTS = np.array([-1, *_SHIFTED])  # and in which transposition each is looked for


class Place(NamedTuple):
    """A patch that was cut from the loop so, in `shift` or in all of SEMITONES (-1), and a window that is like it."""

    begin: float
    speed: float
    shift: int
    window: int


@dataclass(frozen=True)
class _Lines:
    """Patches and windows that lie on the best lines: which patch of a loop's at its speed, speeds, shifts, windows."""

    begins: np.ndarray
    speeds: np.ndarray
    shifts: np.ndarray
    windows: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> _Lines:
        return _Lines(self.begins[rows], self.speeds[rows], self.shifts[rows], self.windows[rows])


class Search:
    """The first search in `windows`, which `cells` lists; `tempi` of the passages, in steps of 1 %."""

    def __init__(self, windows: Windows, cells: Lookup, tempi: np.ndarray) -> None:
        self._windows, self._cells = windows, cells
        self._tempi, self._known = tempi * TEMPO_STEP, np.unique(tempi) * TEMPO_STEP

    @property
    def finds(self) -> bool:
        """Return whether anything in the windows moves, so that something may be found alike."""
        return len(self._cells) > 0

    def places(self, loop: LoopLevels, bpm: float) -> list[Place]:
        """Return where patches of a loop at `bpm` may be found, the best first; of neighboring windows one."""
        begins, steps = self._queries(loop, bpm)
        patches = loop.coarse_patches(begins, np.exp(steps * _SPEED_STEP), np.full(len(begins), _NO_SHIFT))
        near = self._cells.near(vocabulary().describe(patches), PAIRS)
        lines = self._lines(near, begins, steps, bpm)
        number, once = self._on_grid(lines, loop.seconds, range(1))
        number = number[np.argsort(-self._compare(loop, once), kind="stable")[:_BEST_LINES]]
        _, lines = self._on_grid(lines[number], loop.seconds, _AROUND)
        if not len(lines.windows):  # nothing in the music is like the loop at all
            return []
        scores = self._compare(loop, lines)
        best = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores > 0)]
        first = _firsts(*(column[best] for column in (lines.windows // COARSE, lines.begins, lines.speeds)))
        kept = lines[best[first[:MAX_PLACES]]]
        columns = (kept.begins, kept.speeds, kept.shifts, kept.windows)
        return list(itertools.starmap(Place, zip(*(column.tolist() for column in columns), strict=True)))

    def _queries(self, loop: LoopLevels, bpm: float) -> tuple[np.ndarray, np.ndarray]:
        """Return begins and speeds, in steps, of the patches that are looked up: those at which a copy may run."""
        speeds = np.concatenate([np.log(bpm) - self._known, _OWN])
        steps = np.unique(np.round(speeds / _SPEED_STEP))
        count = max(1, round(loop.seconds * FRAME_RATE / COARSE))
        return np.tile(np.arange(count) * loop.seconds / count, len(steps)), np.repeat(steps, count)

    def _lines(self, near: Near, begins: np.ndarray, steps: np.ndarray, bpm: float) -> _Lines:
        """Return the best pairs at the speeds that they may have, of those on one line the best; begins as looked up.

        A copy runs at the pace of its passage, or at the loop's own speed, with its pitch or as resampling brings.
        """
        best = np.flatnonzero(near.scores > max(0, _highest(near.scores, _NEAREST)))
        best = best[np.argsort(-near.scores[best], kind="stable")]
        windows, query = near.windows[best], near.queries[best]
        passages = self._windows.passages(windows)
        paces = np.log(bpm) - self._tempi[passages]
        speeds = np.concatenate([np.broadcast_to(_OWN, (len(best), len(_OWN))), paces[:, None]], axis=1)
        may = np.round(speeds / _SPEED_STEP) == steps[query][:, None]
        may[:, -1] &= abs(paces) > TEMPO_STEP / 2
        pair, way = np.nonzero(may)
        speed = np.exp(speeds[pair, way])
        offsets = self._windows.begins(windows[pair]) / FRAME_RATE - begins[query[pair]] * speed
        lengths = self._windows.lengths[passages[pair]] / FRAME_RATE
        offsets = np.where(self._windows.closed[passages[pair]], offsets % lengths, offsets)
        kept = _firsts(passages[pair], way, np.round(offsets * FRAME_RATE / COARSE / 2))[:_LINES]
        shifts = np.append(_OWN_SHIFTS, -1)[way[kept]]
        return _Lines(begins[query[pair[kept]]], speed[kept], shifts, windows[pair[kept]])

    def _on_grid(self, lines: _Lines, seconds: float, around: range) -> tuple[np.ndarray, _Lines]:
        """Return pairs on the lines, and on which each lies, at patches around: one begins every second or so."""
        counts = np.maximum(1, np.round(seconds * lines.speeds / QUERY_SECONDS))
        spacing = seconds / counts
        rows = np.tile(np.arange(len(counts)), len(around))
        number = np.concatenate([np.round(lines.begins / spacing) + step for step in around])
        passage = self._windows.passages(lines.windows[rows])
        hops, lengths = self._windows.hops[passage], self._windows.lengths[passage]
        away = (number * spacing[rows] - lines.begins[rows]) * lines.speeds[rows] * FRAME_RATE * hops / lengths
        first = self._windows.firsts[passage]
        at = lines.windows[rows] - first + np.round(away).astype(np.int64)
        closed = self._windows.closed[passage]
        inside = closed | ((at >= 0) & (at < hops))
        begins = number % counts[rows] * spacing[rows]
        pairs = _Lines(begins, lines.speeds[rows], lines.shifts[rows], first + at % hops)
        return rows[inside], pairs[np.flatnonzero(inside)]

    def _compare(self, loop: LoopLevels, lines: _Lines) -> np.ndarray:
        """Correlate pairs of a window and a patch in all coarse bands and frames, at the best transposition."""
        if not len(lines.windows):
            return np.zeros(0, np.float32)
        alone, row = np.unique(lines.windows, return_inverse=True)
        windows = self._windows.patches(alone)
        _, first, number = np.unique(lines.begins + 1j * lines.speeds, return_index=True, return_inverse=True)
        patches = loop.coarse_patches(lines.begins[first], lines.speeds[first])
        only = lines.shifts[:, None]
        order = np.argsort(number, kind="stable")
        firsts = np.flatnonzero(np.diff(number[order], prepend=-1))
        scores = np.empty((len(number), len(SEMITONES)), np.float32)
        for patch, pairs in zip(patches, np.split(order, firsts[1:]), strict=True):
            scores[pairs] = windows[row[pairs]] @ patch.T
        return np.where((only < 0) | (only == np.arange(len(SEMITONES))), scores, 0).max(axis=1)


def _highest(scores: np.ndarray, count: int) -> float:
    """Return the score that `count` others reach, at most."""
    return float(np.partition(scores, -count)[-count]) if len(scores) > count else -np.inf


def _firsts(*columns: np.ndarray) -> np.ndarray:
    """Return the first row of each combination of values, in their order."""
    order = np.lexsort(columns)
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= np.diff(column[order]) != 0
    return np.sort(order[new])
