"""Spectrograms and the way back: what each inversion must recover, and what the representation refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fourfloor.representations import spectrogram
from fourfloor.signal import inversion
from fourfloor.signal.stft import istft, resample_loop, stft

N_FFT, HOP = 512, 128
FRAMES, SAMPLES = 128, 128 * HOP
RATE = 10_000
Invert = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


def random_phase(magnitude: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    return inversion.griffin_lim(magnitude, samples, rng, 0)


def griffin_lim(magnitude: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    return inversion.griffin_lim(magnitude, samples, rng, 32, momentum=0.0)


def fast_griffin_lim(magnitude: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    return inversion.griffin_lim(magnitude, samples, rng, 32)


def phase_gradient(magnitude: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    phase = inversion.phase_gradient(magnitude, samples, rng)
    return inversion.griffin_lim(magnitude, samples, rng, 0, phase=phase)


def phase_gradient_and_iterations(magnitude: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    phase = inversion.phase_gradient(magnitude, samples, rng)
    return inversion.griffin_lim(magnitude, samples, rng, 8, phase=phase)


INVERSIONS = (griffin_lim, fast_griffin_lim, phase_gradient, phase_gradient_and_iterations)


def convergence_db(magnitude: np.ndarray, rebuilt: np.ndarray) -> float:
    """Return the spectral convergence: error of the magnitudes over the magnitudes; down."""
    found = np.abs(stft(rebuilt, len(magnitude), 2 * (magnitude.shape[1] - 1)))
    return float(20 * np.log10(np.linalg.norm(found - magnitude) / np.linalg.norm(magnitude)))


def sine(cycles: int = 1203) -> np.ndarray:
    """Return a sine that closes on the circle, between two bins."""
    return (0.5 * np.sin(2 * np.pi * cycles * np.arange(SAMPLES) / SAMPLES + 0.3)).astype(np.float32)


def clicks() -> np.ndarray:
    loop = np.zeros(SAMPLES, np.float32)
    loop[[3000, 9137, SAMPLES - 5]] = 0.9
    return loop


def chirp() -> np.ndarray:
    """Return a tone that rises over the first half of the circle and falls over the second."""
    hertz = 1500 + 1200 * np.sin(2 * np.pi * np.arange(SAMPLES) / SAMPLES)
    return (0.5 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)).astype(np.float32)


def drums(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(SAMPLES)
    kick = np.sin(2 * np.pi * 60 * time / RATE) * np.exp(-(time % 4096) / 900)
    hat = 0.2 * rng.standard_normal(SAMPLES) * np.exp(-((time - 2048) % 4096) / 300)
    return (0.6 * kick + hat + 0.1 * np.sin(2 * np.pi * 440 * time / RATE)).astype(np.float32)


def magnitude_of(waveform: np.ndarray) -> np.ndarray:
    return np.abs(stft(waveform, FRAMES, N_FFT))


@pytest.mark.parametrize("hop_length", [32, 128, 255])
def test_the_transform_comes_back(hop_length: int) -> None:
    loop = drums()
    assert np.allclose(istft(stft(loop, SAMPLES // hop_length, N_FFT), SAMPLES), loop, atol=1e-5)


@pytest.mark.parametrize("invert", INVERSIONS)
def test_a_sine_keeps_its_frequency_and_level(invert: Invert) -> None:
    rebuilt = invert(magnitude_of(sine()), SAMPLES, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(rebuilt)) ** 2
    # Griffin-Lim finds the phase in patches, whose seams widen the line: it must stay inside one bin, of 32 cycles.
    assert spectrum[1203 - 16 : 1203 + 17].sum() > 0.9 * spectrum.sum()
    assert np.sqrt(np.mean(rebuilt**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("invert", INVERSIONS)
def test_clicks_stay_where_they_are(invert: Invert) -> None:
    rebuilt = invert(magnitude_of(clicks()), SAMPLES, np.random.default_rng(0))
    near = np.zeros(SAMPLES, bool)
    for place in np.flatnonzero(clicks()):
        around = (place + np.arange(-48, 49)) % SAMPLES
        near[around] = True
    assert np.sum(rebuilt[near] ** 2) > 0.8 * np.sum(rebuilt**2)


@pytest.mark.parametrize("loop", [sine(), clicks(), chirp(), drums()], ids=("sine", "clicks", "chirp", "drums"))
def test_phase_gradients_are_those_of_the_signal(loop: np.ndarray) -> None:
    spectrum = stft(loop, FRAMES, N_FFT)
    phase = inversion.phase_gradient(np.abs(spectrum), SAMPLES, np.random.default_rng(0))
    guessed = np.abs(spectrum) * np.exp(1j * phase)
    for axis in (0, 1):  # phase itself is unknown by a turn for each island of sound; its steps are not
        true, found = (each * np.conj(np.roll(each, 1, axis=axis)) for each in (spectrum, guessed))
        inner = (slice(None), slice(1, None))
        agreement = np.sum(true[inner] * np.conj(found[inner])).real / np.sum(np.abs(true[inner]) ** 2)
        assert agreement > 0.98


@pytest.mark.parametrize("loop", [chirp(), drums()], ids=("chirp", "drums"))
def test_phase_gradient_beats_random_phase_by_15_db(loop: np.ndarray) -> None:
    magnitude, rng = magnitude_of(loop), np.random.default_rng(0)
    at_random = convergence_db(magnitude, random_phase(magnitude, SAMPLES, rng))
    assert convergence_db(magnitude, phase_gradient(magnitude, SAMPLES, rng)) < at_random - 15


def test_iterations_go_on_from_given_phases() -> None:
    magnitude, rng = magnitude_of(drums()), np.random.default_rng(0)
    after_eight = convergence_db(magnitude, phase_gradient_and_iterations(magnitude, SAMPLES, rng))
    assert after_eight < convergence_db(magnitude, phase_gradient(magnitude, SAMPLES, rng)) - 2
    assert after_eight < convergence_db(magnitude, inversion.griffin_lim(magnitude, SAMPLES, rng, 8)) - 2


def test_momentum_helps() -> None:
    magnitude, rng = magnitude_of(drums()), np.random.default_rng(0)
    plain, fast = (invert(magnitude, SAMPLES, rng) for invert in (griffin_lim, fast_griffin_lim))
    assert convergence_db(magnitude, fast) < convergence_db(magnitude, plain) - 3


@pytest.mark.parametrize("invert", [fast_griffin_lim, phase_gradient, phase_gradient_and_iterations])
@pytest.mark.parametrize("samples", [SAMPLES, SAMPLES - 37])  # frames that are and are not whole samples apart
def test_the_circle_is_closed(invert: Invert, samples: int) -> None:
    loop = (0.5 * np.sin(2 * np.pi * 700 * np.arange(samples) / samples)).astype(np.float32)
    rebuilt = invert(np.abs(stft(loop, FRAMES, N_FFT)), samples, np.random.default_rng(0))
    assert rebuilt.shape == (samples,)
    bend = np.abs(np.diff(np.concatenate([rebuilt, rebuilt[:2]]), 2))
    assert bend[-4:].max() < 1.1 * bend[:-4].max()


def test_silence_stays_silent_and_the_seed_decides() -> None:
    silence = np.zeros((FRAMES, N_FFT // 2 + 1), np.float32)
    assert not phase_gradient_and_iterations(silence, SAMPLES, np.random.default_rng(0)).any()
    magnitude = magnitude_of(drums())
    first, again, other = (phase_gradient(magnitude, SAMPLES, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_steps_are_summed_along_the_tree_of_the_earliest_edges() -> None:
    """Kruskal's algorithm, one edge after another, must agree: the tree is unique."""
    rng = np.random.default_rng(0)
    nodes, edges = 60, 90  # so few that some nodes stay alone
    first, second = rng.integers(0, nodes, (2, edges))
    first, second = first[first != second], second[first != second]
    step = rng.standard_normal(len(first))
    total, root = inversion._sum_along_tree(first, second, step, nodes)
    group, expected = np.arange(nodes), np.zeros(nodes)
    for a, b, rise in zip(first, second, step, strict=True):
        if group[a] != group[b]:
            joined = group == group[b]
            expected[joined] += expected[a] + rise - expected[b]
            group[joined] = group[a]
    assert len(np.unique(root)) == len(np.unique(group)) > 2
    for one in np.unique(group):
        inside = group == one
        assert len(np.unique(root[inside])) == 1
        assert np.ptp(total[inside] - expected[inside]) < 1e-9


def config(**changes: Any) -> spectrogram.Config:
    values: dict[str, Any] = {"samples": SAMPLES, "n_fft": N_FFT, "hop_length": HOP, "sample_rate": RATE, **changes}
    return spectrogram.Config(**values)


class OneLoop:
    """A dataset of one closed loop, what the representation asks of it."""

    bars = 4

    def indices(self, split: str) -> np.ndarray:
        return np.zeros(1, int)

    def __init__(self) -> None:
        self.loop = drums()

    def mono(self, index: int, samples: int) -> np.ndarray:
        if len(self.loop) != samples:
            self.loop = resample_loop(drums(), samples)
        return self.loop

    def bpm(self, index: int) -> float:
        return 120.0

    def style_index(self, index: int) -> int:
        return 1


@pytest.mark.parametrize("plan", [config(n_mels=64), config(n_mels=64, beats=4), config(n_mels=32, values="linear")])
def test_log_mel_pictures(plan: spectrogram.Config) -> None:
    loops: Any = OneLoop()
    codec = spectrogram.fit(loops, plan)
    x = spectrogram.batch(loops, codec, plan, "train", 3, np.random.default_rng(0))["x"]
    assert x.shape == (3, plan.n_mels, FRAMES) == (3, *spectrogram.shape(plan).values())
    assert np.abs(x).max() <= 1
    assert x.std() > 0.1
    pictures = np.concatenate([x, x])[: spectrogram.count(plan, 120.0, 1)]
    assert spectrogram.decode(pictures, codec, plan, 120.0, 1, np.random.default_rng(0)).shape == (88_200,)


def test_mel_filters_are_even_and_see_every_bin_between_their_ends() -> None:
    plan = config(n_mels=80, f_min=100.0, f_max=4000.0)
    filters = spectrogram.mel_filters(plan)
    hertz = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    assert np.allclose(filters.sum(axis=1), 1, atol=1e-5)
    assert (filters.sum(axis=0)[(hertz > 100) & (hertz < 4000)] > 0).all()
    assert not filters[:, (hertz < 60) | (hertz > 4040)].any()
    assert (np.diff(filters @ hertz) > 0).all()


@pytest.mark.parametrize("n_mels", [32, 64, 128])
def test_bands_come_back_within_a_twentieth_of_a_decibel(n_mels: int) -> None:
    plan = config(n_mels=n_mels)
    drawn = spectrogram.draw(drums(), plan)
    magnitude = spectrogram.undraw(drawn, plan)
    assert magnitude.min() >= 0
    again = np.log(magnitude @ spectrogram.mel_filters(plan).T + spectrogram.LOG_FLOOR).T
    assert 20 / np.log(10) * np.abs(again - drawn).mean() < 0.05


def test_magnitudes_come_back_from_either_scale() -> None:
    for values in ("linear", "log"):
        plan = config(values=values)
        assert np.allclose(
            spectrogram.undraw(spectrogram.draw(drums(), plan), plan)[:, :-1], magnitude_of(drums())[:, :-1], atol=1e-5
        )


def test_a_recipe_chooses_the_inversion() -> None:
    magnitude = magnitude_of(drums())
    errors = {}
    for name in ("griffin_lim", "phase_gradient"):
        plan = config(inversion=name, iterations=0)
        sound = spectrogram.to_waveform(magnitude, SAMPLES, plan, np.random.default_rng(0))
        errors[name] = convergence_db(magnitude, sound)
    assert errors["phase_gradient"] < errors["griffin_lim"] - 15


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_mels": -1}, "n_mels"),
        ({"n_mels": 7}, "n_mels"),
        ({"n_mels": N_FFT}, "n_mels"),
        ({"n_mels": 64, "f_max": 6000.0}, "f_max"),
        ({"n_mels": 64, "f_min": 5000.0}, "f_min"),
        ({"n_mels": 64, "f_min": -1.0}, "f_min"),
        ({"n_mels": 64, "f_min": 400.0, "f_max": 300.0}, "f_min"),
    ],
)
def test_bands_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**changes)
