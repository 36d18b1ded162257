"""Pieces of a track that were found one by one -> where each begins and ends, as they compete for the ground between.

Every beat of a piece, which is carried on beyond its ends, is compared with the pattern of the piece. The sequence of
pieces that explains the track best (Viterbi 1967) then decides; where none of them explains it, no piece lies.
"""

from __future__ import annotations

import numpy as np

from fourfloor.ingestion.onsets import Onsets
from fourfloor.ingestion.tracking import BeatMap, bar_profiles, moved

# Beats on the grid correlate with their pattern by more; on another one by half as much.
BEAT_MATCH = 0.3
_SHARE_OF_BEST = 0.55
# So far a piece is carried on beyond its ends, in seconds.
_REACH_SECONDS = 20.0
_STEP_SECONDS = 0.05
# Bars where a neighbor of another tempo still plays match its pattern by more, others by less than 0.15. Where the
# tempo differs by less than a hundredth, in octaves, it may be the same music that drifts.
_HEARD = 0.2
_SAME_TEMPO = 0.015
# A fade goes on for so long where it is too faint to be seen.
_FADED_BARS = 2
# What a change from one piece to another costs: as much as two to four beats that match well.
_CHANGE = 1.0
# The map of a piece, and the seconds from which and up to which it holds.
Ground = tuple[BeatMap, float, float]


def beat_gains(
    flux: np.ndarray, frame_rate: float, beat_map: BeatMap, pattern: np.ndarray, first: float, bars: int
) -> np.ndarray:
    """Return for each beat of `bars` bars from beat `first` on by how much it matches its pattern beyond chance."""
    profiles = bar_profiles(flux, frame_rate, beat_map, first, bars)
    shape = (bars, len(flux), 4, -1)
    beats, expected = profiles.reshape(shape), pattern.reshape(shape[1:])
    beats = beats - beats.mean(axis=-1, keepdims=True)
    expected = expected - expected.mean(axis=-1, keepdims=True)
    size = np.sqrt((beats**2).sum(axis=(1, 3)) * (expected**2).sum(axis=(0, 2)))
    match = ((beats * expected).sum(axis=(1, 3)) / (size + 1e-9)).ravel()
    least = max(BEAT_MATCH, _SHARE_OF_BEST * float(np.quantile(match, 0.75)))
    return match - least - np.repeat(moved(profiles, pattern), 4)


def settle(flux: np.ndarray, frame_rate: float, maps: list[Ground], seconds: float) -> list[list[tuple[float, float]]]:
    """Return for each piece (map, begin, end) the stretches, in seconds, that it explains best."""
    steps = int(np.ceil(seconds / _STEP_SECONDS))
    times = (np.arange(steps) + 0.5) * _STEP_SECONDS
    scores = np.zeros((len(maps) + 1, steps))
    for row, (beat_map, begin, end) in zip(scores[1:], maps, strict=True):
        low, high = beat_map.beat(np.array([begin, end]))
        first, last = 4 * np.ceil(low / 4), 4 * np.floor(high / 4)
        pattern = bar_profiles(flux, frame_rate, beat_map, first, max(1, int((last - first) / 4))).mean(axis=0)
        low, high = beat_map.beat(np.array([max(0.0, begin - _REACH_SECONDS), min(seconds, end + _REACH_SECONDS)]))
        first, bars = 4 * np.floor(low / 4), int(np.ceil((high - 4 * np.floor(low / 4)) / 4))
        gains = beat_gains(flux, frame_rate, beat_map, pattern, first, bars)
        place = np.floor(beat_map.beat(times) - first).astype(int)
        inside = (place >= 0) & (place < len(gains))
        period = (end - begin) / max(float(np.diff(beat_map.beat(np.array([begin, end])))[0]), 1e-9)
        row[:] = -1.0
        row[inside] = gains[place[inside]] * _STEP_SECONDS / period
    path = _best_path(scores, _CHANGE)
    return [_runs(path, number, len(maps)) for number in range(1, len(maps) + 1)]


def _best_path(scores: np.ndarray, change: float) -> np.ndarray:
    """Return the sequence of rows of the highest sum, less `change` for every change of row."""
    total = scores[:, 0].copy()
    origin = np.zeros(scores.shape, np.int32)
    own = np.arange(len(scores))
    for step in range(1, scores.shape[1]):
        best = int(np.argmax(total))
        moved = total[best] - change > total
        origin[:, step] = np.where(moved, best, own)
        total = np.where(moved, total[best] - change, total) + scores[:, step]
    path = np.zeros(scores.shape[1], np.int32)
    path[-1] = int(np.argmax(total))
    for step in range(scores.shape[1] - 1, 0, -1):
        path[step - 1] = origin[path[step], step]
    return path


def _runs(path: np.ndarray, number: int, pieces: int) -> list[tuple[float, float]]:
    """Return the stretches of a piece; a hole in it that no other piece explains belongs to it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (path == number).astype(int), [0]])))
    runs: list[tuple[int, int]] = []
    for begin, end in edges.reshape(-1, 2):
        if runs and not path[runs[-1][1] : begin].any():
            runs[-1] = (runs[-1][0], int(end))
        else:
            runs.append((int(begin), int(end)))
    return [(begin * _STEP_SECONDS, end * _STEP_SECONDS) for begin, end in runs]


def apart(onsets: Onsets, pieces: list[Ground]) -> list[Ground]:
    """Take from each of some pieces, in order of time, what it shares with its neighbors: one fades into the other.

    There bars of the neighbor's beat still match its pattern, and its tempo is another one.
    """
    grounds = []
    for number, (beat_map, begin, end) in enumerate(pieces):
        left, right = begin, end
        for neighbor in pieces[max(0, number - 1) : number]:
            left += _shared_seconds(onsets, (beat_map, begin, end), neighbor, before=True)
        for neighbor in pieces[number + 1 : number + 2]:
            right -= _shared_seconds(onsets, (beat_map, begin, end), neighbor, before=False)
        grounds.append((beat_map, left, max(left, right)))
    return grounds


def _shared_seconds(onsets: Onsets, piece: Ground, neighbor: Ground, before: bool) -> float:
    """Return for how long, from where they meet, the neighbor before or after a piece plays inside it."""
    flux, rate = onsets.standardized(), onsets.frame_rate
    beat_map, begin, end = neighbor
    first, bars = _whole_bars(beat_map, begin, end)
    if bars < 1:
        return 0.0
    pattern = bar_profiles(flux, rate, beat_map, first, bars).mean(axis=0)
    if before:
        begin, end = piece[1], min(piece[2], piece[1] + _REACH_SECONDS)
    else:
        begin, end = max(piece[1], piece[2] - _REACH_SECONDS), piece[2]
    first, bars = _whole_bars(beat_map, begin, end)
    if bars < 1:
        return 0.0
    heard = _likeness(bar_profiles(flux, rate, beat_map, first, bars), pattern) > _HEARD
    run = int(np.argmin(np.append(heard if before else heard[::-1], False)))
    low, high = piece[0].beat(beat_map.at(np.array([first, first + 4.0 * bars])))
    octaves = np.log2((high - low) / (4.0 * bars))
    if not run or abs(octaves - np.round(octaves)) < _SAME_TEMPO:  # the same music may go on
        return 0.0
    run = min(bars, run + _FADED_BARS if run > 1 else run)
    edge = float(beat_map.at(np.array([first + 4.0 * (run if before else bars - run)]))[0])
    return edge - begin if before else end - edge


def _whole_bars(beat_map: BeatMap, begin: float, end: float) -> tuple[float, int]:
    """Return the first beat of the first bar between two times, and how many whole bars there are."""
    low, high = beat_map.beat(np.array([begin, end]))
    first = 4.0 * np.ceil(low / 4)
    return float(first), int((high - first) / 4)


def _likeness(profiles: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Return the correlation of each bar (bars, bands, bins) with a pattern (bands, bins), where it is expected."""
    bars = profiles - profiles.mean(axis=-1, keepdims=True)
    expected = pattern - pattern.mean(axis=-1, keepdims=True)
    size = np.sqrt((bars**2).sum(axis=(1, 2)) * (expected**2).sum())
    return np.asarray((bars * expected).sum(axis=(1, 2)) / (size + 1e-9))
