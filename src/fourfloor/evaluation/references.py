"""The reference rows: sets of loops whose verdict is known, computed again from the dataset each time.

Training and held-out loops go in; real music, known failures and cheap baselines come out. Where these do not score as
they must, the dataset supports no verdict. Every row is seeded and made one loop at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import scipy.fft

from fourfloor.copies.index import CopyIndex
from fourfloor.engines import Engine, run_in_threads
from fourfloor.evaluation.numbers import ScoredSet, score_set
from fourfloor.evaluation.progress import SCORE_SECONDS, SEARCH_SECONDS
from fourfloor.evaluation.sources import Sample, Source
from fourfloor.evaluation.tonal_references import blurred, drone, mistuned
from fourfloor.signal.analysis import Array
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import resample_loop

SEARCHED_ROWS = {"A": 64, "H": 16, "I": 16, "J": 16, "K": 8, "O": 16}  # how many loops of a row are searched for copies
MIN_ROW = 32  # loops of a reference row, however few are judged: fewer do not support a verdict
MAX_ROW = 512  # loops, however many are judged: more would not make a row steadier
MIN_TRAIN = 128  # training loops scored for the envelope, at least
MAX_TRAIN = 320
TRAIN_ROWS = "GHJK"  # made from training loops; the others from held-out ones
USUAL = "training loops"

Decoder = Callable[[Array, int, float, int], Array]  # (waveform, sample_rate, bpm, bars) -> waveform


def real(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Give the loops as they are: rows A (held-out) and H (exact copies of training loops)."""
    for index in source.draw(n, seed):
        yield source[index]


def shuffled(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Shuffle the sixteenths of held-out loops: the sound stays, the rhythm goes."""
    rng = np.random.default_rng((seed, 3))
    for index in source.draw(n, seed):
        loop = source[index]
        edges = np.round(np.linspace(0, loop.waveform.shape[1], 16 * loop.bars + 1)).astype(int)
        parts = [loop.waveform[:, a:b] for a, b in pairwise(edges)]
        mixed = np.concatenate([parts[i] for i in rng.permutation(len(parts))], axis=1)
        yield replace(loop, waveform=mixed)


def white_noise(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Make white noise of the lengths of held-out loops."""
    rng = np.random.default_rng((seed, 4))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        noise = 0.2 * rng.standard_normal((1, loop.waveform.shape[1])).astype(np.float32)
        yield replace(loop, waveform=noise, track=f"noise {number}")


def gated_noise(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Gate noise on the grid: the helicopter, at quarters, eighths or sixteenths."""
    rng = np.random.default_rng((seed, 5))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        samples = loop.waveform.shape[1]
        per_beat = int(rng.choice([1, 2, 4]))
        phase = np.arange(samples) * (4 * loop.bars * per_beat / samples) % 1.0
        noise = 0.2 * rng.standard_normal((1, samples)) * (phase < rng.uniform(0.3, 0.6))
        yield replace(loop, waveform=noise.astype(np.float32), track=f"helicopter {number}")


def distorted(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Distort held-out loops and bury them in as much noise: what a plain autoencoder makes."""
    rng = np.random.default_rng((seed, 6))
    for index in source.draw(n, seed):
        loop = source[index]
        driven = np.tanh(8 * loop.waveform / max(float(loop.waveform.std()), 1e-6))
        noisy = 0.3 * driven + 0.3 * rng.standard_normal(driven.shape)
        yield replace(loop, waveform=noisy.astype(np.float32))


def superposed(source: Source, n: int, seed: int, layers: int = 16) -> Iterator[Sample]:
    """Add 16 training loops and a little noise: what a spectrogram VAE makes."""
    rng = np.random.default_rng((seed, 7))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        samples = loop.waveform.shape[1]
        total = np.asarray(0.5 * rng.standard_normal(samples))
        for other in rng.integers(0, len(source), layers):
            part = _stretched(source[int(other)].waveform.mean(axis=0), samples)
            total = total + part / max(float(np.std(part)), 1e-6)
        mixed = (0.1 * total[None] / np.sqrt(layers)).astype(np.float32)
        yield replace(loop, waveform=mixed, track=f"superposition {number}")


def _stretched(waveform: Array, samples: int) -> Array:
    """Read a closed loop `(n,)` at another speed, linearly; exact enough under fifteen others."""
    n = len(waveform)
    return np.interp(np.arange(samples) * (n / samples), np.arange(n + 1), np.append(waveform, waveform[0]))


def beat_slices(source: Source, n: int, seed: int, donors: int = 4) -> Iterator[Sample]:
    """Line up beats of four training loops near one tempo, each at its own place: the strongest cheap baseline.

    Style distance by donors: 2 with two, 11 with four, 41 with sixteen of any tempo. Of loops with two donors, eight in
    ten are copies.
    """
    pool = source.draw(4 * n, seed)
    bpms = source.bpms[pool]
    rng = np.random.default_rng((seed, 10))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        near = np.argsort(np.abs(bpms - loop.bpm), kind="stable")[: max(2, len(bpms) // 8)]
        chosen = [loop, *(source[pool[int(i)]] for i in rng.choice(near, donors - 1))]
        edges = np.round(np.linspace(0, loop.waveform.shape[1], 4 * loop.bars + 1)).astype(int)
        slices = [_beat_of(chosen[rng.integers(donors)], beat, b - a) for beat, (a, b) in enumerate(pairwise(edges))]
        yield replace(loop, waveform=np.concatenate(slices)[None], track=f"slices {number}")


def _beat_of(loop: Sample, beat: int, samples: int) -> Array:
    """Cut `samples` samples from the given beat on, faded by 3 ms at both ends, at unit level."""
    mixed = loop.waveform.mean(axis=0)
    start = round(len(mixed) * (beat % (4 * loop.bars)) / (4 * loop.bars))
    cut = np.take(mixed, np.arange(start, start + samples), mode="wrap") / max(float(mixed.std()), 1e-6)
    fade = min(samples // 2, round(0.003 * loop.sample_rate))
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    cut[:fade] *= ramp
    cut[samples - fade :] *= ramp[::-1]
    return np.asarray(0.1 * cut, dtype=np.float32)


def band_swapped(source: Source, n: int, seed: int, border_hz: float = 200.0) -> Iterator[Sample]:
    """Put the bass of one training loop under the rest of another of nearly its tempo."""
    pool = source.draw(4 * n, seed)
    bpms = source.bpms[pool]
    rng = np.random.default_rng((seed, 11))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        near = np.argsort(np.abs(bpms - loop.bpm), kind="stable")[: max(2, len(bpms) // 4)]
        other = source[pool[int(rng.choice(near))]]
        samples = loop.waveform.shape[1]
        low = scipy.fft.rfft(loop.waveform.mean(axis=0))
        high = scipy.fft.rfft(resample_loop(other.waveform.mean(axis=0), samples))
        border = round(border_hz * samples / loop.sample_rate)
        joined = scipy.fft.irfft(np.concatenate([low[:border], high[border:]]), samples)
        yield replace(loop, waveform=joined.astype(np.float32)[None], track=f"swap {number}")


def partly_copied(source: Source, train: Source, n: int, seed: int) -> Iterator[Sample]:
    """Put a tenth of a training loop of nearly the tempo into held-out loops: as much as counts as a copy elsewhere."""
    rng = np.random.default_rng((seed, 15))
    for index in source.draw(n, seed):
        loop = source[index]
        near = np.argsort(np.abs(train.bpms - loop.bpm), kind="stable")[: max(2, len(train) // 8)]
        donor = train[int(rng.choice(near))]
        mixed = loop.waveform.mean(axis=0)
        given = resample_loop(donor.waveform.mean(axis=0), round(len(mixed) * donor.bars / loop.bars))
        part, start = len(mixed) // 10, int(rng.integers(len(mixed)))
        at = np.arange(start, start + part)
        mixed[at % len(mixed)] = given[at % len(given)] * (mixed.std() / max(float(given.std()), 1e-6))
        yield replace(loop, waveform=mixed[None])


def decoded(source: Source, n: int, seed: int, decoder: Decoder) -> Iterator[Sample]:
    """Send held-out loops through a model's own decoder: the ceiling of what the model can make."""
    for index in source.draw(n, seed):
        loop = source[index]
        yield replace(loop, waveform=decoder(loop.waveform, loop.sample_rate, loop.bpm, loop.bars))


def other_style(source: Source, n: int, seed: int) -> Iterator[Sample]:
    """Play slow chords and plucked notes in threes, without drums: music, closed, but not dance music."""
    rng = np.random.default_rng((seed, 2))
    for number, index in enumerate(source.draw(n, seed)):
        loop = source[index]
        yield replace(loop, waveform=_chorale(rng, loop), track=f"other style {number}")


def _chorale(rng: np.random.Generator, loop: Sample) -> Array:
    samples = loop_samples(loop.bpm, loop.bars, loop.sample_rate)
    time = np.arange(samples) / loop.sample_rate
    length = samples / loop.sample_rate
    scale = np.array([0, 2, 3, 5, 7, 9, 10])
    root = 55.0 * 2 ** (rng.integers(0, 12) / 12)

    def tone(hz: float, brightness: float) -> Array:
        cycles = max(1, round(hz * length))  # whole cycles: the circle stays closed
        partials = np.arange(1, 6)[:, None]
        phases = 2 * np.pi * cycles * partials * time / length + rng.uniform(0, 6, (5, 1))
        return np.asarray((brightness**partials * np.sin(phases)).sum(axis=0))

    voice = np.zeros(samples)
    for chord in range(2 * loop.bars):
        center = (chord + 0.5) * length / (2 * loop.bars)
        away = np.abs((time - center + length / 2) % length - length / 2)
        swell = np.exp(-((away / (length / (4 * loop.bars))) ** 2))
        for note in rng.choice(scale, 3, replace=False):
            voice += 0.2 * swell * tone(root * 2 ** (2 + note / 12), 0.4)
    for step in range(3 * loop.bars):
        since = (time - step * length / (3 * loop.bars)) % length
        voice += 0.25 * np.exp(-since / 0.25) * tone(root * 2 ** (3 + rng.choice(scale) / 12), 0.5)
    return (0.1 * voice / max(float(voice.std()), 1e-6)).astype(np.float32)[None]


def make_rows(
    train: Source, held_out: Source, n: int, seed: int, decoder: Decoder | None = None, only: Sequence[str] = ()
) -> dict[str, Iterator[Sample]]:
    """Give the rows A to O, by letter, as iterators; row I only with a decoder, and only the letters asked for."""
    rows = {
        "A": real(held_out, n, seed),
        "B": other_style(held_out, n, seed),
        "C": shuffled(held_out, n, seed),
        "D": white_noise(held_out, n, seed),
        "E": gated_noise(held_out, n, seed),
        "F": distorted(held_out, n, seed),
        "G": superposed(train, n, seed),
        "H": real(train, n, seed + 1),
        "J": beat_slices(train, n, seed),
        "K": band_swapped(train, n, seed),
        "O": partly_copied(held_out, train, n, seed),
        "L": blurred(held_out, n, seed),
        "M": mistuned(held_out, n, seed),
        "N": drone(held_out, n, seed),
    }
    if decoder is not None:
        rows["I"] = decoded(held_out, n, seed, decoder)
    return {letter: rows[letter] for letter in sorted(rows) if not only or letter in only}


def row_size(n: int) -> int:
    """Return how many loops a reference row has, at most, where n loops are judged."""
    return min(max(n, MIN_ROW), MAX_ROW)


def row_stages(
    train: Source, held_out: Source, n: int, letters: Sequence[str], searched: Mapping[str, int] = SEARCHED_ROWS
) -> dict[str, tuple[int, float]]:
    """Name the stages of `score_rows` with their loops and the seconds that a loop takes, for a progress bar."""
    stages = {USUAL: (len(_usual(train, n, 0)), SCORE_SECONDS)}
    for letter in sorted(letters):
        loops = min(row_size(n), len(train if letter in TRAIN_ROWS else held_out))
        share = min(1.0, searched.get(letter, 0) / loops)
        stages[f"row {letter}"] = loops, SCORE_SECONDS + share * SEARCH_SECONDS
    return stages


def _usual(train: Source, n: int, seed: int) -> list[int]:
    return train.draw(min(MAX_TRAIN, max(MIN_TRAIN, n)), seed)


def score_rows(
    train: Source,
    held_out: Source,
    index: CopyIndex,
    n: int,
    seed: int,
    cutoff_hz: float,
    decoder: Decoder | None = None,
    letters: Sequence[str] = (),
    searched: Mapping[str, int] = SEARCHED_ROWS,
    on_loop: Callable[[str], None] = lambda stage: None,
    engine: Engine = run_in_threads,
) -> tuple[ScoredSet, dict[str, ScoredSet]]:
    """Score the training set, which sets envelope and style space, and the reference rows."""
    samples = make_rows(train, held_out, row_size(n), seed, decoder, letters)
    usual = score_set(
        (train[i] for i in _usual(train, n, seed)), cutoff_hz, on_loop=partial(on_loop, USUAL), engine=engine
    )
    return usual, {
        row: score_set(loops, cutoff_hz, index, searched.get(row, 0), partial(on_loop, f"row {row}"), engine)
        for row, loops in samples.items()
    }
