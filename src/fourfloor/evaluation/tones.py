"""Tones of one loop: do partials stand out as lines, what lies between them, do bass and chords keep to one scale?

The window is long and runs around the end of the loop. The bass is analyzed note by note, as in the codec
(`low_end.py`), the chords by the peaks of the spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fourfloor.representations import low_end, tuning
from fourfloor.signal.analysis import ANALYSIS_RATE, SILENCE_RMS, Array, peak_pitches, power_frames
from fourfloor.signal.beatgrid import SAMPLE_RATE, loop_samples
from fourfloor.signal.stft import resample_loop

WINDOW = 4096  # 186 ms: resolves semitones from about 180 Hz up
HOP_LENGTH = 1024
CLEAR_HZ = (270.0, 3000.0)
CHORD_HZ = (180.0, 2000.0)
AROUND_BINS = 15  # to each side: 80 Hz
PROMINENCE_DB = 10.0  # a peak of the chords stands out by so much; most peaks of noise do by less
QUIET_DB = 20.0  # below the loudest frame; quieter frames do not show a noise floor
IN_TUNE = 0.2  # semitones; by chance some .23 of all pitches lie so near to a tone of a diatonic scale
STEADY = 0.35


@dataclass(frozen=True, kw_only=True)
class Tones:
    """The tones of a loop; NaN where nothing sounds.

    `clarity_db`: how far the peaks of a frame at 270-3000 Hz stand above the mean level 80 Hz around them, weighted by
    power. `floor_db`: the mean level of the log spectrum there below that of its power 160 Hz around: how little lies
    between the partials. Both are medians over the frames that are not quiet; white noise has 5.6 and -2.4.
    `in_scale`: share of the chords' amplitude within .2 semitone of a tone of the diatonic scale that fits best, in the
    loop's own tuning. `bass_in_key`: share of the bass's power on tones of that scale. `bass_steady`: share of it
    within .35 semitone of its note's median. `bass_spread`: standard deviation of the bass notes, in semitones.
    """

    clarity_db: float
    floor_db: float
    in_scale: float
    bass_in_key: float
    bass_steady: float
    bass_spread: float


TONES = tuple(Tones.__dataclass_fields__)


def tones_of(waveform: Array, bpm: float, bars: int) -> Tones:
    """Measure a loop `(samples,)` at 22.05 kHz."""
    rms = float(np.sqrt(np.mean(waveform**2))) if len(waveform) else 0.0
    if not rms > SILENCE_RMS or len(waveform) < WINDOW:
        return Tones(**dict.fromkeys(TONES, float("nan")))
    power = power_frames(waveform / rms, max(8, round(len(waveform) / HOP_LENGTH)), WINDOW).astype(np.float64)
    level = 10 * np.log10(power + 1e-7)
    clarity, floor = _lines(level)
    scale, tuned, in_scale = _chords(level)
    steady, spread, in_key = _bass(waveform / rms, bpm, bars, scale, tuned)
    return Tones(
        clarity_db=clarity, floor_db=floor, in_scale=in_scale,
        bass_in_key=in_key, bass_steady=steady, bass_spread=spread,
    )  # fmt: skip


def _lines(level: Array) -> tuple[float, float]:
    """Return clarity and noise floor of the dB `(frames, bins)`."""
    first, last = _bins(CLEAR_HZ)
    here = slice(first, last)
    power = 10 ** (level / 10)
    loud = power[:, here].mean(axis=1)
    loud = loud >= loud.max() * 10 ** (-QUIET_DB / 10)
    prominence, weight = _prominence(level, first, last)[loud], power[loud, here]
    weight = np.where(prominence > -np.inf, weight, 0.0)
    clarity = (np.where(weight > 0, prominence, 0.0) * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
    floor = _around(level[loud], 2 * AROUND_BINS) - 10 * np.log10(_around(power[loud], 2 * AROUND_BINS))
    return float(np.median(clarity)), float(np.median(floor[:, here].mean(axis=1)))


def _prominence(level: Array, first: int, last: int) -> Array:
    """Return how far each local maximum stands above the mean level around it, -infinity where there is none."""
    left, middle, right = (level[:, first + shift : last + shift] for shift in (-1, 0, 1))
    is_peak = (middle > left) & (middle >= right)
    return np.where(is_peak, middle - _around(level, AROUND_BINS)[:, first:last], -np.inf)


def _around(values: Array, bins: int) -> Array:
    """Average `(frames, bins)` over so many bins to each side."""
    padded = np.pad(values, ((0, 0), (bins + 1, bins)), mode="edge")
    total = np.cumsum(padded, axis=1)
    return (total[:, 2 * bins + 1 :] - total[:, : -2 * bins - 1]) / (2 * bins + 1)


def _bins(hertz: tuple[float, float]) -> tuple[int, int]:
    low, high = (round(edge * WINDOW / ANALYSIS_RATE) for edge in hertz)
    return low, high + 1


def _chords(level: Array) -> tuple[Array | None, float, float]:
    """Return the scale of the chords `(12,)` or None, their tuning in semitones off 440 Hz, and how much is on it."""
    first, last = _bins(CHORD_HZ)
    frame, bin_ = np.nonzero(_prominence(level, first, last) >= PROMINENCE_DB)
    if not len(frame):
        return None, 0.0, float("nan")
    pitch, peak_db = peak_pitches(level, frame, first + bin_)
    weight = 10 ** (peak_db / 20)
    tuned = float(np.angle(weight @ np.exp(2j * np.pi * pitch)) / (2 * np.pi))
    tones = np.round(pitch - tuned).astype(int)
    scale = tuning.best_scale(np.bincount(tones % 12, weights=weight, minlength=12))
    return scale, tuned, _share_on(scale, pitch - tuned, weight)


def _share_on(scale: Array, pitch: Array, weight: Array) -> float:
    """Return the share of `weight` that lies within .2 semitone of a tone of a scale."""
    tones = np.round(pitch).astype(int)
    return _mean(scale[tones % 12] * (np.abs(pitch - tones) < IN_TUNE), weight)


def _bass(waveform: Array, bpm: float, bars: int, scale: Array | None, tuned: float) -> tuple[float, float, float]:
    """Return how steady the notes below 150 Hz are, how far they lie apart, and how much of them is on the scale."""
    low = low_end.analyze(resample_loop(waveform, loop_samples(bpm, bars, SAMPLE_RATE)), bpm, bars)
    bands = [list(tuning.notes(low, band)) for band in range(len(low_end.BANDS))]
    notes = [note for band in bands for note in band]
    if not notes:
        return (float("nan"),) * 3
    power = np.array([note.power for note in notes])
    steady = sum(note.powers[np.abs(note.pitches - note.pitch) < STEADY].sum() for note in notes) / power.sum()
    # The two bands lie an octave apart, so that notes are compared within each.
    away = np.concatenate([_away([n.pitch for n in band], [n.power for n in band]) for band in bands if band])
    pitch = np.array([note.pitch for note in notes])
    in_key = float("nan") if scale is None else _share_on(scale, pitch - tuned, power)
    return float(steady), float(np.sqrt(_mean(away**2, power))), in_key


def _away(pitches: list[float], powers: list[float]) -> Array:
    return np.array(pitches) - np.average(pitches, weights=powers)


def _mean(values: Array, weights: Array) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else float("nan")
