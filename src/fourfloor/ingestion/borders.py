"""Pieces of a track that were found one by one -> where each begins and ends, as they compete for the ground between.

Every beat of a piece, which is carried on beyond its ends, is compared with the pattern of the piece. The sequence of
pieces that explains the track best (Viterbi 1967) then decides; where none of them explains it, no piece lies.
"""

from __future__ import annotations

import numpy as np

from fourfloor.ingestion.tracking import BeatMap, bar_profiles, moved

# Beats on the grid correlate with their pattern by more; on another one by half as much.
BEAT_MATCH = 0.3
_SHARE_OF_BEST = 0.55
# So far a piece is carried on beyond its ends, in seconds.
_REACH_SECONDS = 20.0
_STEP_SECONDS = 0.05
# What a change from one piece to another costs: as much as two to four beats that match well.
_CHANGE = 1.0


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


def settle(
    flux: np.ndarray, frame_rate: float, maps: list[tuple[BeatMap, float, float]], seconds: float
) -> list[list[tuple[float, float]]]:
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
