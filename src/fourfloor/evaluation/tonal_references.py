"""The reference rows of the tonal numbers: partials blurred, a bass out of tune with the chords, a drone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy.fft

from fourfloor.evaluation.sources import Sample, Source
from fourfloor.representations import low_end
from fourfloor.signal.analysis import Array
from fourfloor.signal.beatgrid import SAMPLE_RATE, loop_samples
from fourfloor.signal.stft import istft, resample_loop, stft

BLUR_SECONDS = 0.046  # of the window in which phases are drawn: partials become 40 Hz wide
QUARTER_TONE = 1 / 24  # octaves


def blur(waveform: Array, sample_rate: int, strength: float, rng: np.random.Generator) -> Array:
    """Add noise of so many radians to every phase of a short STFT of a mono loop: lines become bands of noise."""
    n_fft = 2 * round(BLUR_SECONDS * sample_rate / 2)
    spectrum = stft(waveform, max(8, round(4 * len(waveform) / n_fft)), n_fft)
    return istft(spectrum * np.exp(1j * strength * rng.standard_normal(spectrum.shape)), len(waveform))


def blurred(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Draw the phases of held-out loops: what a decoder makes that colors noise."""
    rng = np.random.default_rng((seed, 12))
    for index in source.draw(n, seed):
        loop = source[index]
        grainy = blur(loop.waveform.mean(axis=0), loop.sample_rate, np.pi, rng)
        yield replace(loop, waveform=grainy.astype(np.float32)[None])


def mistuned(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Raise only the bass of held-out loops by a quarter tone: a whole loop would stay in tune with itself."""
    for index in source.draw(n, seed):
        loop = source[index]
        samples = loop_samples(loop.bpm, loop.bars, SAMPLE_RATE)
        mid = resample_loop(loop.waveform.mean(axis=0), samples)
        bass = low_end.analyze(mid, loop.bpm, loop.bars)
        bass[:, 1::2] += QUARTER_TONE
        spectrum = scipy.fft.rfft(mid)
        spectrum *= 1 - low_end.band_masks(np.arange(len(spectrum)) * SAMPLE_RATE / samples).sum(axis=0)
        moved = low_end.synthesize(bass, loop.bpm, samples, np.zeros(len(low_end.BANDS)))
        mixed = scipy.fft.irfft(spectrum, samples) + moved
        yield replace(loop, waveform=mixed.astype(np.float32)[None], sample_rate=SAMPLE_RATE)


def drone(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Hold one note and its harmonics through loops of held-out lengths."""
    rng = np.random.default_rng((seed, 14))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        samples = loop.waveform.shape[1]
        root = 55.0 * 2 ** (rng.integers(0, 12) / 12)
        partials = np.arange(1, 7)
        # Whole turns in the loop: the circle stays closed.
        turns = np.round(partials * root * samples / loop.sample_rate)
        phases = 2 * np.pi * turns[:, None] * np.arange(samples) / samples + rng.uniform(0, 6, (len(turns), 1))
        held = 0.1 * (np.sin(phases) / partials[:, None]).sum(axis=0)
        yield replace(loop, waveform=held.astype(np.float32)[None], track=f"drone {number}")
