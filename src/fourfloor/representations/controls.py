"""Controls measured from a loop itself: density, brightness, low-end share, kick, energy; no captions are needed.

Features of a loop (`latent.analyze`) go in, one number a control comes out. What a number means depends on the music,
so a model is not asked for 3.4 onsets a beat but for a rank: the share of its training loops that have less. The
quantiles of the training loops are the scale between the two, and travel with the model.

No number depends on the level of a loop, because loops are leveled before anybody hears them.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fourfloor.arguments import check_types
from fourfloor.errors import FourfloorError
from fourfloor.representations.latent import LOW, MEL, SAMPLE_RATE, band_centers_hz
from fourfloor.representations.low_end import FLOOR as LOW_FLOOR
from fourfloor.signal.beatgrid import FRAMES_PER_BEAT
from fourfloor.signal.stft import N_FFT

Quantiles = dict[str, list[float]]  # of each control but the kick, which is 0 or 1 everywhere

ONSET_RISE = 0.25  # mean rise over the mel bands from frame to frame, in nepers (2.2 dB), that counts as an onset
KICK_FRAMES = 6  # a fifth of a beat, about 100 ms, after the beat and before it
KICK_RISE = 0.29  # of the loop's own level; what told produced loops with a kick from those without best
STEVENS = 0.3
QUANTILES = 65
HANN_NOISE_BINS = 1.5  # equivalent noise bandwidth of the window: the power of a sine is spread over so many bins


@dataclass(frozen=True, kw_only=True)
class Controls:
    """Requested properties of a loop; None leaves a property open.

    Numbers are ranks from 0 to 1 among the training loops: 0.8 asks for more than 80 % of them have.

    Attributes:
        density: Onsets per beat.
        brightness: Spectral centroid above 150 Hz.
        low_end: Share of power below 150 Hz.
        kick: With or without a kick drum.
        energy: Loudness at equal power: sparse to full.
    """

    density: float | None = None
    brightness: float | None = None
    low_end: float | None = None
    kick: bool | None = None
    energy: float | None = None

    def __post_init__(self) -> None:
        check_types(self)
        for name, value in self.asked.items():
            if not 0 <= value <= 1:
                raise FourfloorError(f"{name} {value:g} is outside 0-1: give a rank among the training loops")

    @property
    def asked(self) -> dict[str, float]:
        """Return the controls that are not any, the kick as 0 or 1."""
        values = {name: getattr(self, name) for name in NAMES}
        return {name: float(value) for name, value in values.items() if value is not None}

    @property
    def values(self) -> list[float]:
        """Return one number a control in the order of `NAMES`, NaN for any."""
        return [self.asked.get(name, float("nan")) for name in NAMES]


NAMES = tuple(field.name for field in fields(Controls))
ANY = Controls()


def measure(features: np.ndarray) -> np.ndarray:
    """Measure a loop's features `(frames, FEATURE_DIM)`: float32 `(len(NAMES),)`, each in its own unit."""
    features = features.astype(np.float32)
    measured = {
        "density": density(features), "brightness": brightness(features), "low_end": low_end(features),
        "kick": kick(features), "energy": energy(features),
    }  # fmt: skip
    return np.array([measured[name] for name in NAMES], dtype=np.float32)


def density(features: np.ndarray) -> float:
    """Return the onsets a beat: peaks of the spectral flux, the mean rise of log-mel from frame to frame."""
    log_mel = features[:, MEL]
    flux = np.maximum(log_mel - np.roll(log_mel, 1, axis=0), 0).mean(axis=1)
    is_peak = (flux > ONSET_RISE) & (flux >= np.roll(flux, 1)) & (flux > np.roll(flux, -1))
    return float(is_peak.sum() * FRAMES_PER_BEAT / len(features))


def brightness(features: np.ndarray) -> float:
    """Return the spectral centroid of the mean mel magnitudes in octaves above 1 kHz; the low end does not count."""
    magnitude = np.exp(features[:, MEL]).mean(axis=0)
    return float(magnitude @ np.log2(band_centers_hz() / 1000) / magnitude.sum())


def low_end(features: np.ndarray) -> float:
    """Return the share of power below 150 Hz, 0-1."""
    low, rest = _power(features)
    return low / (low + rest)


def kick(features: np.ndarray) -> float:
    """Return 1 where the band of 80-150 Hz leaps up on most beats, else 0.

    A kick's pitch falls through that band at its onset; the band below rings on, and a bass note fills it as well.
    """
    amplitude = np.exp(features[:, LOW][:, 2])
    beats = amplitude.reshape(-1, FRAMES_PER_BEAT)[:, :KICK_FRAMES].max(axis=1)
    before = np.roll(amplitude, KICK_FRAMES + 2).reshape(-1, FRAMES_PER_BEAT)[:, :KICK_FRAMES].mean(axis=1)
    return float(np.median(beats - before) > KICK_RISE * np.sqrt(sum(_power(features))))


def energy(features: np.ndarray) -> float:
    """Return the loudness of the mel bands at equal power, in dB: full and steady spectra are louder than sparse ones.

    Loudness grows with the power of .3 of a band's power (Stevens 1955), 0 dB is a spectrum that is flat and steady.
    """
    power = np.exp(2 * features[:, MEL])
    return float(10 / STEVENS * np.log10((power**STEVENS).mean()) - 10 * np.log10(power.mean()))


def _power(features: np.ndarray) -> tuple[float, float]:
    """Return the mean power below 150 Hz and above 140 Hz, where a full-scale sine has 1."""
    amplitude = np.maximum(np.exp(features[:, LOW][:, ::2]) - LOW_FLOOR, 0)
    # A band's filter averages over its bins, and bands overlap by half: each stands for the way to its neighbors.
    bins = np.gradient(band_centers_hz()) * N_FFT / SAMPLE_RATE
    rest = (np.exp(2 * features[:, MEL]).mean(axis=0) * bins).sum() / HANN_NOISE_BINS
    return float((amplitude**2).sum(axis=1).mean()), float(rest)


def quantiles_of(measured: np.ndarray) -> Quantiles:
    """Return evenly spaced quantiles of each control of measured loops `(n, len(NAMES))`: the scale of ranks."""
    levels = np.linspace(0, 1, QUANTILES)
    columns = zip(NAMES, np.quantile(measured, levels, axis=0).T, strict=True)
    return {name: [float(value) for value in column] for name, column in columns if name != "kick"}


def ranks(measured: np.ndarray, quantiles: Quantiles) -> np.ndarray:
    """Return the ranks float32 `(len(NAMES),)` in 0-1 of measured controls; a kick is 0 or 1 already.

    Of equal quantiles (counts repeat) the middle one counts.
    """
    levels = np.linspace(0, 1, QUANTILES)
    ranked = []
    for name, value in zip(NAMES, measured, strict=True):
        if name == "kick":
            ranked.append(value)
            continue
        steps, where = np.unique(quantiles[name], return_inverse=True)
        middles = np.bincount(where, weights=levels) / np.bincount(where)
        ranked.append(np.interp(value, steps, middles))
    return np.array(ranked, dtype=np.float32)


def is_scale(quantiles: Any) -> bool:
    """Return whether a checkpoint's entry is what `quantiles_of` makes."""
    return (
        isinstance(quantiles, dict)
        and set(quantiles) == set(NAMES) - {"kick"}
        and all(
            isinstance(column, list)
            and len(column) == QUANTILES
            and all(isinstance(value, float) and np.isfinite(value) for value in column)
            and column == sorted(column)
            for column in quantiles.values()
        )
    )
