"""Parts -> stems -> mix: balances by loudness, sends to one room and one delay, ducks under the kick."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from fourfloor.producer import circle, effects
from fourfloor.producer.mastering import weighting_gain
from fourfloor.producer.parts import Part
from fourfloor.producer.styles import Style
from fourfloor.representations.stems import STEMS

RETURNS_DUCK = 0.6  # how far kicks duck delay and reverb, 0-1


def moment_db(mono: np.ndarray, sample_rate: int) -> float:
    """Return the loudness of the loudest twentieth of the 50 ms blocks of (n,): how loud a part is when it plays."""
    block = int(0.05 * sample_rate)
    spectra = fft.rfft(mono[: len(mono) // block * block].astype(np.float32).reshape(-1, block))
    power = (spectra.real**2 + spectra.imag**2) @ weighting_gain(sample_rate, block) * (2 / block**2)
    return float(10 * np.log10(np.quantile(power, 0.95) + 1e-12))


def group_of(part: Part) -> int:
    """Return the stem that a part belongs to, as an index into STEMS; an acid line counts as music."""
    fixed = {"kick": "kick", "bass": "bass"}.get(part.name)
    return STEMS.index(fixed or ("drums" if part.hit is not None else "music"))


def mix_down(
    parts: list[tuple[Part, np.ndarray]],
    style: Style,
    kick_starts: list[int],
    beat_samples: float,
    sample_rate: int,
    rng: np.random.Generator,
    grouped: bool = False,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Balance, place and sum the parts' dry tracks (1 or 2, N): the bus (1, 2, N) and the stems (2, N) that sum to it.

    With `grouped` the bus has a row more for each of STEMS, with its own room and echo.
    """
    length = parts[0][1].shape[1]
    room = effects.reverb_response(
        rng, rng.uniform(*style.reverb), rng.uniform(1500, 7000), rng.uniform(0, 0.03), sample_rate
    )
    recovery = beat_samples / sample_rate * rng.uniform(0.3, 0.9)
    curve = effects.ducking(length, kick_starts, recovery, sample_rate)
    stems: dict[str, np.ndarray] = {}
    rows = 1 + len(STEMS) * grouped
    bus, to_room, to_delay = (np.zeros((rows, 2, length), np.float32) for _ in range(3))
    for part, track in parts:
        placed = _placed(part, track, curve, sample_rate)
        stems[part.name] = stems[part.name] + placed if part.name in stems else placed
        both = [0, 1 + group_of(part)][:rows]
        bus[both] += placed
        if part.reverb:
            to_room[both] += part.reverb * placed
        if part.delay:
            to_delay[both] += part.delay * placed
    for name, wet in _returns(to_room, to_delay, room, beat_samples, sample_rate, rng).items():
        ducked = wet * (1 - RETURNS_DUCK * (1 - curve))
        stems[name] = ducked[0]
        bus += ducked
    if kick_starts and rng.uniform() < style.rumble:
        stems["rumble"] = rumble(stems["kick"], curve, sample_rate, rng)
        bus[[0, 1 + STEMS.index("kick")][:rows]] += stems["rumble"]
    bus[0] = 0.0
    for stem in stems.values():  # in the order in which earlier versions summed them: the same bytes
        bus[0] += stem
    return bus, {name: np.broadcast_to(stem, (2, length)) for name, stem in stems.items()}


def _placed(part: Part, track: np.ndarray, curve: np.ndarray, sample_rate: int) -> np.ndarray:
    """Bring a part's dry track to its level and place in the mix, ducked along the curve (N,)."""
    if part.hit is None:
        track = effects.high_pass(track, part.low_cut, sample_rate) if part.low_cut else track
        track = track * np.float32(10 ** ((part.level_db - moment_db(track.sum(0) * 0.7, sample_rate)) / 20))
    if part.pan:
        track = track * np.sqrt([[1 - part.pan], [1 + part.pan]]).astype(np.float32)
    return track * (1 - part.duck * (1 - curve)) if part.duck else track


def _returns(
    to_room: np.ndarray,
    to_delay: np.ndarray,
    room: np.ndarray,
    beat_samples: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return what delay and room make of the sends (rows, 2, N); the room also gets some of the delay."""
    returns: dict[str, np.ndarray] = {}
    if np.any(to_delay):
        turns, feedback = float(rng.choice([0.75, 0.75, 0.5, 1.0, 0.375])), rng.uniform(0.3, 0.65)
        returns["delay"] = effects.echo(to_delay, turns, feedback, beat_samples, sample_rate)
        to_room = to_room + 0.3 * returns["delay"]
    if np.any(to_room):
        returns["reverb"] = circle.convolve(to_room, room)
    return returns


def rumble(kick: np.ndarray, curve: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return the low rumble of a kick: its reverb, low-passed, driven, ducked by itself."""
    t = np.arange(int(0.7 * sample_rate)) / sample_rate
    response = (rng.standard_normal(len(t)) * np.exp(-t / rng.uniform(0.08, 0.2)))[None].astype(np.float32)
    low = signal.butter(4, rng.uniform(90, 180), "low", fs=sample_rate, output="sos")
    tail = circle.filter_sections(low, circle.convolve(kick.mean(0, keepdims=True), response), sample_rate)
    tail = tail / (np.abs(tail).max() + 1e-9)
    tail = np.tanh(rng.uniform(1, 3) * tail) * (1 - 0.9 * (1 - curve))
    level = float(np.abs(kick).max()) * rng.uniform(0.25, 0.5)
    return np.repeat(tail / (np.abs(tail).max() + 1e-9) * level, 2, 0).astype(np.float32)
