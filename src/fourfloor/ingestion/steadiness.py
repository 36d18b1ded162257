"""The bars of a track on one grid -> whether one tempo holds from its start to its end."""

from __future__ import annotations

import numpy as np
import scipy.ndimage

from fourfloor.ingestion.onsets import Onsets
from fourfloor.ingestion.tempo import Grid
from fourfloor.ingestion.tracking import ELSEWHERE, MATCH, bar_profiles, constant_map, lateness, paired

SMOOTH_BARS = 4
# How far the bars of a steady track come from where they are expected: 4 ms in 27 real tracks, 2.4 ms in rendered ones.
STEADY_SECONDS = 0.007
# Of the energy of a bar that plays; loops are dropped as silent where they lie 27 dB under the track's level.
_SILENT = 1e-3
# Where music enters or stops, the bars around may match anywhere.
_STRAY_BARS = 3
_MOST_PARTS, _LEAST_PART_BARS = 5, 8
# A tempo that wanders and comes back within a few bars is seen by two bars at a time, not by four.
_SWAYING = 0.1
# Bars that are moved are like their pattern where they have been moved to; other music is less so anywhere.
_ALIKE = 0.5


def grid_bars(onsets: Onsets, grid: Grid) -> np.ndarray:
    """Return the onset strength of every bar of a grid, the first one begun before the track: (bars, bands, bins)."""
    beat_map = constant_map(grid.bpm, grid.first_downbeat)
    first, last = beat_map.beat(np.array([0.0, onsets.seconds]))
    first = 4.0 * np.floor(first / 4)
    return bar_profiles(onsets.standardized(), onsets.frame_rate, beat_map, first, max(1, int((last - first) / 4)))


def sounding(profiles: np.ndarray) -> np.ndarray:
    """Return the bars of a track (bars, bands, bins) in which something plays: silence has no tempo to change."""
    energy = profiles.var(axis=-1).sum(axis=1)
    usual = (energy**2).sum() / (energy.sum() + 1e-9)  # of the bars that play, however many do not
    return profiles[energy >= _SILENT * usual]


def is_steady(profiles: np.ndarray, bpm: float) -> bool:
    """Return whether the bars of a grid (bars, bands, bins) come where one tempo expects them, from start to end.

    They are compared with the average bar, and with those of parts of the track: where an edit moves half of it, the
    average bar holds both halves, and each matches it.
    """
    smooth = scipy.ndimage.uniform_filter1d(profiles, min(SMOOTH_BARS, len(profiles)), axis=0, mode="nearest")
    parts = np.array_split(profiles, max(1, min(_MOST_PARTS, len(profiles) // _LEAST_PART_BARS)))
    if _longest_stray(smooth, profiles.mean(axis=0), bpm, 0.0, MATCH) > _STRAY_BARS or _sways(profiles, bpm):
        return False
    patterns = [part.mean(axis=0) for part in parts if len(parts) > 1]
    return all(_longest_stray(smooth, pattern, bpm, _ALIKE, _ALIKE) <= _STRAY_BARS for pattern in patterns)


def _sways(profiles: np.ndarray, bpm: float) -> bool:
    """Return whether one in ten of the bars comes early or late, two at a time."""
    late, match, _ = lateness(paired(profiles), profiles.mean(axis=0))
    return bool(((np.abs(late) * 60.0 / bpm > STEADY_SECONDS) & (match >= MATCH)).mean() > _SWAYING)


def loops_hold(profiles: np.ndarray, bpm: float, first_bars: np.ndarray, bars: int) -> np.ndarray:
    """Return for each loop of `bars` bars, from a bar of `profiles` (bars, bands, bins) on, whether its beats hold.

    Either half of a loop is compared with the average bar. A half that matches it, but early or late, has its beats
    beside the grid: the tempo wanders within the loop, or the bars belong to other music.
    """
    pattern = profiles.mean(axis=0)
    half = max(1, bars // 2)
    sums = np.concatenate([np.zeros((1, *pattern.shape)), np.cumsum(profiles, axis=0)])
    begins = np.stack([first_bars, first_bars + bars - half]).clip(0, len(profiles))
    ends = (begins + half).clip(0, len(profiles))
    late, match, _ = lateness((sums[ends] - sums[begins]).reshape(-1, *pattern.shape), pattern)
    held = (np.abs(late) * 60.0 / bpm <= STEADY_SECONDS) | (match < MATCH)
    return np.asarray(held.reshape(2, -1).all(axis=0))


def _longest_stray(profiles: np.ndarray, pattern: np.ndarray, bpm: float, least_here: float, least_there: float) -> int:
    """Return how many bars in a row match a pattern late or early, or better elsewhere, by at least so much."""
    late, match, elsewhere = lateness(profiles, pattern)
    moved = (elsewhere >= least_there) & (match < elsewhere - ELSEWHERE)
    strays = (np.abs(late) * 60.0 / bpm > STEADY_SECONDS) & (match >= least_here) | moved
    return int((np.diff(np.flatnonzero(np.concatenate([[True], ~strays, [True]]))) - 1).max())


def smooth_lateness(profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare bars, smoothed over their neighbors, with the average bar."""
    smooth = scipy.ndimage.uniform_filter1d(profiles, min(SMOOTH_BARS, len(profiles)), axis=0, mode="nearest")
    return lateness(smooth, profiles.mean(axis=0))
