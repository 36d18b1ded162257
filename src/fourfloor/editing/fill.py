"""A region of a loop, new; a loop, continued. What is kept is kept in the waveform, bit for bit."""

from dataclasses import dataclass

import numpy as np

from fourfloor.editing.latents import JOINT_SECONDS, as_loud, decode, editor, encode, rng_of, window
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations.latent import LATENTS_PER_BAR
from fourfloor.signal.beatgrid import BAR_COUNTS, SAMPLE_RATE, loop_samples

BANDS_HZ: dict[str, tuple[float, float]] = {
    "all": (0.0, np.inf),
    "low": (0.0, 150.0),
    "mid": (150.0, 2500.0),
    "high": (2500.0, np.inf),
}
EDGE_OCTAVES = 0.5  # width of a band's edges, so that none rings
BEATS = 4


@dataclass(frozen=True)
class Region:
    """Beats of a loop, from `begin` up to but without `end`, counted from 0."""

    begin: float
    end: float

    def check(self, bars: int) -> None:
        """Raise FourfloorError where the region is not inside a loop of so many bars."""
        if not 0 <= self.begin < self.end <= bars * BEATS:
            asked = f"beats {self.begin + 1:g}-{self.end:g}"
            raise FourfloorError(f"{asked} are not in the loop: it has the beats 1-{bars * BEATS}")


def fill(model: LoopModel, waveform: np.ndarray, request: Request, region: Region, band: str = "all") -> np.ndarray:
    """Return a loop `(2, samples)` with a region of it, or a band of a region, new.

    Samples more than 20 ms outside the region are those of `waveform`.
    """
    region.check(request.bars)
    if band not in BANDS_HZ:
        raise FourfloorError(f"band {band!r} is unknown; choose one of {', '.join(BANDS_HZ)}")
    samples = waveform.shape[1]
    z = encode(model, waveform, request.bpm, request.bars)
    latents = (np.arange(len(z)) + 0.5) * BEATS / LATENTS_PER_BAR  # the middle of each, in beats
    new = (latents > region.begin) & (latents < region.end)
    filled = editor(model, request).fill(z, new, rng_of(request.seed))
    made = decode(model, filled, request.bpm, samples, request.seed)
    same = decode(model, z, request.bpm, samples, request.seed)
    made = as_loud(made, same, waveform)
    begin, end = (round(beat * samples / (request.bars * BEATS)) for beat in (region.begin, region.end))
    inside = window(samples, begin, end, _fade()) if end - begin < samples else np.ones(samples)
    return _within(waveform, _band(made - waveform, band) * inside)


def extend(model: LoopModel, waveform: np.ndarray, request: Request) -> np.ndarray:
    """Return a loop twice as long: `waveform`, then as many new bars that lead back to its start."""
    bars, samples = request.bars, waveform.shape[1]
    if 2 * bars not in BAR_COUNTS:
        fitting = ", ".join(str(count) for count in BAR_COUNTS if 2 * count in BAR_COUNTS)
        raise FourfloorError(f"{bars} bars cannot be continued: loops of {fitting} bars can")
    exact = samples == loop_samples(request.bpm, bars, SAMPLE_RATE)
    total = loop_samples(request.bpm, 2 * bars, SAMPLE_RATE) if exact else 2 * samples
    z = encode(model, waveform, request.bpm, bars)
    new = np.arange(2 * len(z)) >= len(z)
    filled = editor(model, request).fill(np.concatenate([z, z]), new, rng_of(request.seed))
    made = decode(model, filled, request.bpm, total, request.seed)
    tail = as_loud(made[:, samples:], made[:, samples:], waveform)  # what is new comes out some 2 LU quieter
    # The loop itself leads to its first samples and comes from its last ones: the joints fade from and to these.
    fade = _fade()
    rise = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    tail[:, :fade] = (1 - rise) * waveform[:, :fade] + rise * tail[:, :fade]
    tail[:, -fade:] = (1 - rise) * tail[:, -fade:] + rise * waveform[:, -fade:]
    return np.concatenate([waveform, tail], axis=1)


def _fade() -> int:
    return round(JOINT_SECONDS * SAMPLE_RATE)


def _within(waveform: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Add a change to a loop, so much of it that the loop stays within full scale."""
    share = 1.0
    while np.abs(waveform + share * added).max() > max(1.0, float(np.abs(waveform).max())) and share > 0.1:
        share *= 0.97
    return np.clip(waveform + np.float32(share) * added.astype(np.float32), -1, 1).astype(np.float32)


def _band(waveform: np.ndarray, band: str) -> np.ndarray:
    """Return a band of a loop, by a filter on the circle without phase."""
    low, high = BANDS_HZ[band]
    samples = waveform.shape[1]
    octave = np.log2(np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 1e-3))
    above = np.clip((octave - np.log2(low)) / EDGE_OCTAVES + 0.5, 0, 1) if low else np.ones_like(octave)
    below = np.clip((np.log2(high) - octave) / EDGE_OCTAVES + 0.5, 0, 1) if np.isfinite(high) else np.ones_like(octave)
    return np.fft.irfft(np.fft.rfft(waveform) * (above * below), samples)
