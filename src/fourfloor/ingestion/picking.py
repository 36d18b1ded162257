"""Loops -> the ones worth learning from: level, silence, clipping, duplicates, balance between tracks.

In come loops, float32 (channels, frames), and their features; out come the reason to drop one, or what is needed to
compare it with others. Every threshold was set on real tracks and their damaged copies; see `Thresholds`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft

from fourfloor.arguments import check_types
from fourfloor.representations import latent, low_end
from fourfloor.signal.beatgrid import FRAMES_PER_BEAT

SILENCE, CLIPPING, DUPLICATE = "silence", "clipping", "near-duplicate"
SAME_AUDIO, OVER_CAP, UNSURE = "same audio as another track", "over the track's share", "low tempo confidence"
TOO_SHORT, TEMPO_OUTSIDE = "track too short", "tempo out of range"
TEMPO_CHANGES, NOT_FOUR = "tempo changes", "not four beats in a bar"

_FRAMES_PER_STEP = 4
_STEPS_PER_QUARTER_BEAT = FRAMES_PER_BEAT // 4 // _FRAMES_PER_STEP
_MEL_GROUP = 4
_LOW_WEIGHT = 2.0  # six low-end columns against 22 mel columns
_LEAST_BANDS = 8  # of 22, to compare two tracks by; 12 are below 3 kHz
_FULL_SCALE = 0.9  # below, flat tops are a square wave's own


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Say what is dropped. Levels in dBFS after the track's gain; shares 0-1; similarities are correlations.

    Measured on 27 tracks of one author: bars that repeat reach .99-1.0 and bars that vary at most .9898; a track and
    its copy as MP3 .87 (the lowest MP3 quality) to .998, other tracks of its tempo .32-.65.
    """

    level_db: float = -18.0
    max_gain_db: float = 20.0
    silence_db: float = -45.0
    silent_frame_db: float = -60.0
    silent_share: float = 0.4
    clipped_share: float = 0.005
    duplicate: float = 0.99
    same_audio: float = 0.8

    def __post_init__(self) -> None:
        check_types(self)


class LevelMeter:
    """Pass blocks through and measure them: `samples`, `peak`, and the power of frames of 0.4 s."""

    def __init__(self, blocks: Iterable[np.ndarray], sample_rate: int) -> None:
        self.samples = 0
        self.peak = 0.0
        self._powers: list[np.ndarray] = []
        self._frame = round(0.4 * sample_rate)
        self._blocks = iter(blocks)

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self.samples += block.shape[1]
            self.peak = max(self.peak, float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
            count = max(1, block.shape[1] // self._frame)  # a rest shorter than a frame counts only where it is all
            frames = block[:, : count * self._frame].reshape(len(block), count, -1)
            power = np.einsum("cfs,cfs->f", frames, frames, dtype=np.float64)
            self._powers.append(power / max(1, frames[:, 0].size))
            yield block

    def is_silent(self, thresholds: Thresholds) -> bool:
        """Return whether nothing is left to measure: no peak is above silence, however much gain is applied."""
        return self.peak <= 10 ** ((thresholds.silent_frame_db - thresholds.max_gain_db) / 20)

    def gain_db(self, thresholds: Thresholds) -> float:
        """Return the gain that brings the track to its level, 0.01 dB steps, without any peak above 1.

        Frames more than 20 dB under the loudest tenth do not count, or an intro would make the rest too loud.
        """
        powers = np.concatenate(self._powers) if self._powers else np.zeros(1)
        loud = powers[powers > 0.01 * np.quantile(powers, 0.9)]
        if not len(loud) or self.peak <= 0:
            return 0.0
        wanted = thresholds.level_db - 10 * math.log10(float(loud.mean()))
        ceiling = -20 * math.log10(self.peak)
        return math.floor(100 * min(wanted, ceiling, thresholds.max_gain_db)) / 100


def fault(waveform: np.ndarray, sample_rate: int, thresholds: Thresholds, gain_db: float = 0.0) -> str | None:
    """Return why a loop is unfit in itself, once `gain_db` is applied, or None."""
    if is_silent(waveform, sample_rate, thresholds, gain_db):
        return SILENCE
    return CLIPPING if clipped_share(waveform) > thresholds.clipped_share else None


def is_silent(waveform: np.ndarray, sample_rate: int, thresholds: Thresholds, gain_db: float = 0.0) -> bool:
    """Return whether a loop is too quiet as a whole, or in too many of its frames of 20 ms; an offset is not sound."""
    frame = round(0.02 * sample_rate)
    count = waveform.shape[1] // frame
    frames = waveform[:, : count * frame].reshape(len(waveform), count, frame)
    power = frames.var(axis=2).mean(axis=0) * 10 ** (gain_db / 10)
    if float(power.mean()) < 10 ** (thresholds.silence_db / 10):
        return True
    return float((power < 10 ** (thresholds.silent_frame_db / 10)).mean()) > thresholds.silent_share


def clipped_share(waveform: np.ndarray) -> float:
    """Return the share of samples in flat tops: three or more equal samples at the peak, entered with a corner.

    The corner tells a clipped wave from the round top of a bass note, which is as flat but is reached slowly.
    """
    size = np.abs(waveform)
    peak = float(size.max(initial=0.0))
    if peak < _FULL_SCALE:
        return 0.0
    clipped = 0
    for channel in size / peak:
        flat = (channel[1:-1] > 0.985) & (np.abs(np.diff(channel)[1:]) < 1e-3) & (np.abs(np.diff(channel)[:-1]) < 1e-3)
        if not flat.any():
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(np.int8)))
        begins, ends = edges[::2], edges[1::2]
        entered = channel[begins] - channel[np.maximum(begins - 1, 0)]
        clipped += int((ends - begins + 2)[entered > 0.01].sum())
    return clipped / waveform.size


def outline(features: np.ndarray) -> np.ndarray:
    """Reduce the features of a loop to (eight steps a beat, 28): 22 mel bands and the low end."""
    steps = features.astype(np.float32).reshape(-1, _FRAMES_PER_STEP, features.shape[1]).mean(axis=1)
    mel = steps[:, latent.MEL].reshape(len(steps), -1, _MEL_GROUP).mean(axis=2)
    return np.concatenate([mel, _LOW_WEIGHT * steps[:, latent.LOW]], axis=1)


def fingerprint(outlined: np.ndarray) -> np.ndarray:
    """Return a unit vector, float16, whose product with another loop's is their correlation, band means removed."""
    centered = (outlined - outlined.mean(axis=0)).ravel()
    return (centered / (np.linalg.norm(centered) + 1e-9)).astype(np.float16)


def correlations(marks: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the correlation of every loop with every other, (marks, others)."""
    return marks.astype(np.float32) @ others.astype(np.float32).T


def quarter_beats(outlined: np.ndarray) -> np.ndarray:
    """Return the mel outline at four steps a beat, float16 (steps, bands), to compare whole tracks with."""
    mel = outlined[:, : -2 * len(low_end.BANDS)]
    return mel.reshape(-1, _STEPS_PER_QUARTER_BEAT, mel.shape[1]).mean(axis=1).astype(np.float16)


def similarity(one: np.ndarray, other: np.ndarray, least_steps: int = 64) -> float:
    """Return the highest correlation of two tracks' outlines (steps, bands) at any shift of whole quarter beats.

    Rows of zeros are unknown. At least `least_steps` steps (or all of the shorter track) must overlap. Bands that one
    of the two lacks, as a copy at 8 kHz does, do not count.
    """
    shared = _shared_bands(one, other)
    if shared.sum() < _LEAST_BANDS:
        return 0.0
    one, other = one[:, shared], other[:, shared]
    size = scipy.fft.next_fast_len(len(one) + len(other), real=True)
    spectra = []
    for track in (one, other):
        known = np.asarray(track.any(axis=1))[:, None]
        mean = track.sum(axis=0, dtype=np.float32) / max(1, int(known.sum()))
        centered = np.where(known, track - mean, 0)
        rows = np.concatenate([centered, (centered**2).sum(axis=1, keepdims=True), known], axis=1)
        spectra.append(scipy.fft.rfft(rows.astype(np.float32), size, axis=0))
    a, b = spectra
    products = np.stack(
        [
            (a[:, :-2] * b[:, :-2].conj()).sum(axis=1),
            a[:, -2] * b[:, -1].conj(),
            a[:, -1] * b[:, -2].conj(),
            a[:, -1] * b[:, -1].conj(),
        ]
    )
    joint, energy_a, energy_b, overlap = scipy.fft.irfft(products, size, axis=1)
    enough = overlap > min(least_steps, len(one), len(other)) - 0.5
    correlation = joint / np.sqrt(np.maximum(energy_a * energy_b, 1e-6))
    return float(np.max(correlation[enough], initial=0.0))


def _shared_bands(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which bands (bands,) move in both outlines: one that a lower sample rate cuts off stays at the bottom."""
    spreads = [track[track.any(axis=1)].astype(np.float32).std(axis=0) for track in (one, other)]
    return np.asarray(np.minimum(*spreads) >= 0.5 * np.maximum(*spreads))


def spread(count: int, most: int | None) -> list[int]:
    """Choose at most `most` of `count` indices, evenly over the track."""
    if most is None or count <= most:
        return list(range(count))
    return [(2 * number + 1) * count // (2 * most) for number in range(most)]
