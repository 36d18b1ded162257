"""Onset strength -> where the beats are, also in tracks whose tempo does not hold.

The average bar of a stretch of music is a pattern that later bars repeat. How far a bar comes early or late is where
it correlates best with that pattern. Where nothing comes early or late, one tempo holds for the whole track. Else the
pattern is followed from a short stretch in both directions, as long as it goes on: one piece of the track. What is
left is followed in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage

_BINS_PER_BEAT = 96
_BINS = 4 * _BINS_PER_BEAT
_BLUR_SECONDS = 0.006
# A bar is looked for within an eighth of a beat of where it is expected: half of the way to the next sixteenth.
_NEAR = _BINS_PER_BEAT // 8
_WINDOW_BARS = 2
# Bars of steady tracks correlate by .5 to 1, where only a pad plays by .15 to .5, bars on another grid by -.1 to .35.
MATCH, _FOLLOWED = 0.3, 0.4
# A bar that fits better by so much a sixteenth or more away has been moved by an edit.
ELSEWHERE = 0.12
# Tape and vinyl move a bar by less than 3 % of a beat from what the bars before it say; an edit moves it by anything.
_JUMP_BEATS = 0.03
# So many bars of a pattern may be missing before it has to come back where it is expected.
_MISSING_BARS = 12


@dataclass(frozen=True, kw_only=True)
class BeatMap:
    """Say at which times (seconds) which beats lie: (points,) each, both rising; linear between and beyond."""

    times: np.ndarray
    beats: np.ndarray

    def at(self, beats: np.ndarray) -> np.ndarray:
        """Return the times of beats."""
        return _linear(beats, self.beats, self.times)

    def beat(self, times: np.ndarray) -> np.ndarray:
        """Return the beats at times."""
        return _linear(times, self.times, self.beats)


def constant_map(bpm: float, downbeat: float) -> BeatMap:
    """Return the map of one tempo, beat 0 at `downbeat` seconds."""
    return BeatMap(times=np.array([downbeat, downbeat + 240.0 / bpm]), beats=np.array([0.0, 4.0]))


def _linear(x: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Interpolate, and extrapolate along the first and the last stretch."""
    index = np.clip(np.searchsorted(xs, x) - 1, 0, len(xs) - 2)
    slope = (ys[index + 1] - ys[index]) / (xs[index + 1] - xs[index])
    return np.asarray(ys[index] + slope * (x - xs[index]))


def bar_profiles(flux: np.ndarray, frame_rate: float, beat_map: BeatMap, first: float, bars: int) -> np.ndarray:
    """Return the onset strength of every bar from beat `first` on, blurred by 6 ms: (bars, bands, bins)."""
    begin, end = beat_map.at(np.array([first, first + 4.0 * bars])) * frame_rate
    frames = np.arange(max(0, int(begin)), min(flux.shape[1], int(end) + 2))
    bins = np.floor((beat_map.beat(frames / frame_rate) - first) * _BINS_PER_BEAT + 0.5).astype(int)
    inside = (bins >= 0) & (bins < bars * _BINS)
    frames, bins = frames[inside], bins[inside]
    counts = np.maximum(np.bincount(bins, minlength=bars * _BINS), 1)
    sums = np.stack([np.bincount(bins, band[frames], bars * _BINS) / counts for band in flux])
    beat = (end - begin) / frame_rate / (4 * bars)
    # Bins that no frame falls in lie between bins that have one: the blur fills them.
    blurred = scipy.ndimage.gaussian_filter1d(sums, _BLUR_SECONDS / beat * _BINS_PER_BEAT, axis=1)
    return np.asarray(blurred.reshape(len(flux), bars, _BINS).transpose(1, 0, 2))


def lateness(profiles: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare bars (bars, bands, bins) with a pattern (bands, bins).

    Return how many beats each comes late, at most an eighth of a beat, its correlation with the pattern there, and its
    highest correlation elsewhere.
    """
    centered = profiles - profiles.mean(axis=-1, keepdims=True)
    pattern = pattern - pattern.mean(axis=-1, keepdims=True)
    product = scipy.fft.rfft(centered, axis=-1) * scipy.fft.rfft(pattern, axis=-1).conj()
    joint = scipy.fft.irfft(product.sum(axis=1), _BINS, axis=-1)
    joint /= (np.sqrt((centered**2).sum(axis=(1, 2)) * (pattern**2).sum()) + 1e-9)[:, None]
    near = joint[:, np.arange(-_NEAR - 1, _NEAR + 2)]
    best = 1 + near[:, 1:-1].argmax(axis=1)
    rows = np.arange(len(near))
    left, peak, right = near[rows, best - 1], near[rows, best], near[rows, best + 1]
    bend = np.maximum(2 * peak - left - right, 1e-9)
    late = best - _NEAR - 1 + np.clip((right - left) / (2 * bend), -0.5, 0.5)
    return late / _BINS_PER_BEAT, peak, joint[:, _NEAR : _BINS - _NEAR].max(axis=1)


def in_step(late: np.ndarray, match: np.ndarray, elsewhere: np.ndarray) -> np.ndarray:
    """Return which bars repeat a pattern where they are expected, and not better a sixteenth or more away."""
    return (match >= _FOLLOWED) & (np.abs(late) <= _JUMP_BEATS) & (match >= elsewhere - ELSEWHERE)


def paired(profiles: np.ndarray) -> np.ndarray:
    """Return every bar together with the next one, (bars - 1, bands, bins); a single bar stays as it is."""
    return profiles[:-1] + profiles[1:] if len(profiles) > 1 else profiles


def moved(profiles: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Return by how much every bar (bars, bands, bins) fits a pattern better off its place, with either neighbor."""
    _, match, elsewhere = lateness(paired(profiles), pattern)
    lead = elsewhere - match - ELSEWHERE / 2
    if len(profiles) > 1:
        lead = np.minimum(np.concatenate([[np.inf], lead]), np.concatenate([lead, [np.inf]]))
    return np.maximum(lead, 0.0)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Say when a beat comes and how long it is, in seconds."""

    beat: float
    time: float
    period: float


def follow(
    flux: np.ndarray, frame_rate: float, pattern: np.ndarray, place: Place, direction: int, limits: tuple[float, float]
) -> list[tuple[float, float]]:
    """Follow a pattern from a place on, forward (1) or backward (-1), bar by bar, as long as it repeats in step.

    Return (beat, time) of the middle of every two bars that do.
    """
    beat, time, period = place.beat, place.time, place.period
    length = 4.0 * _WINDOW_BARS
    points: list[tuple[float, float]] = []
    missing = 0
    while missing <= _MISSING_BARS:
        first = beat if direction > 0 else beat - length
        begin = time + (first - beat) * period
        if begin < limits[0] or begin + length * period > limits[1]:
            break
        here = BeatMap(times=np.array([time, time + period]), beats=np.array([beat, beat + 1.0]))
        bars = bar_profiles(flux, frame_rate, here, first, _WINDOW_BARS).mean(axis=0, keepdims=True)
        late, match, elsewhere = lateness(bars, pattern)
        if in_step(late, match, elsewhere)[0]:
            missing = 0
            center = first + length / 2
            points.append((center, time + (center - beat + late[0]) * period))
            # A loop of second order: half of the lateness at once, a part of it as a change of tempo.
            time += 0.5 * late[0] * period
            period *= 1 + 0.04 * late[0] * direction
        else:
            missing += 1
        time += direction * 4 * period
        beat += direction * 4
    return points
