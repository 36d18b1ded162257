"""Sines for what is tonal: measured where they are, drawn where they were, closed and steady."""

import numpy as np
import pytest

from fourfloor.representations import latent, magnitude, tonal
from fourfloor.signal.beatgrid import loop_frames, loop_samples
from fourfloor.signal.stft import istft, stft

BPM, BARS = 126.0, 1
SAMPLES = loop_samples(BPM, BARS, latent.SAMPLE_RATE)
FRAMES = loop_frames(BARS)
CHORD = np.array([57, 60, 64, 69]) - tonal.LOWEST_NOTE  # A minor


def chord(level: float = 0.1) -> np.ndarray:
    """Return sines of whole turns around the loop at the chord's notes, stereo with equal channels."""
    turns = np.round(tonal.tone_hz()[CHORD] * SAMPLES / latent.SAMPLE_RATE)
    time = np.arange(SAMPLES) / SAMPLES
    mono = level * np.sin(2 * np.pi * turns[:, None] * time).sum(axis=0)
    return np.stack([mono, mono]).astype(np.float32)


def noise(level: float) -> np.ndarray:
    mono = level * np.random.default_rng(5).standard_normal(SAMPLES)
    return np.stack([mono, mono]).astype(np.float32)


def measured(waveform: np.ndarray) -> np.ndarray:
    latents = FRAMES // latent.FRAMES_PER_LATENT
    return tonal.tonality(waveform[0], latent.analyze(waveform, BPM, BARS), np.arange(latents))


def test_the_notes_of_a_chord_are_found_under_noise() -> None:
    strength = measured(chord() + noise(0.01))
    others = np.setdiff1d(np.arange(tonal.TONES), CHORD)
    assert strength.min() >= tonal.ABSENT
    assert strength.max() <= tonal.LOUDEST
    assert strength[:, CHORD].min() > -0.5
    assert np.median(strength[:, others]) == tonal.ABSENT
    assert measured(noise(0.05)).mean() < -1.0  # peaks of noise seldom last


def test_a_crop_is_measured_as_the_whole_is() -> None:
    waveform = chord() + noise(0.02)
    waveform[:, : SAMPLES // 2] *= 0.1
    features = latent.analyze(waveform, BPM, BARS)
    chosen = np.array([30, 31, 32, 33])  # over the loop's end
    np.testing.assert_array_equal(tonal.tonality(waveform[0], features, chosen), measured(waveform)[chosen % 32])


def test_sines_have_the_level_and_the_notes_that_were_measured() -> None:
    waveform = chord()
    features = latent.analyze(waveform, BPM, BARS)
    drawn = np.zeros((FRAMES, 1025), np.complex64)
    every = slice(0, 1025)
    drawn[:] = tonal.sines(measured(waveform), features[:, latent.MEL], SAMPLES, every, np.random.default_rng(0))
    rebuilt = istft(drawn, SAMPLES)
    spectrum, original = (np.abs(np.fft.rfft(x)) for x in (rebuilt, waveform[0]))
    turns = np.round(tonal.tone_hz()[CHORD] * SAMPLES / latent.SAMPLE_RATE).astype(int)
    assert set(np.argsort(spectrum)[-len(turns) :]) == set(turns)
    np.testing.assert_allclose(spectrum[turns], original[turns], rtol=0.35)


def test_a_held_chord_is_steadier_than_the_noise_that_stood_for_it() -> None:
    waveform = chord() + noise(0.002)
    features = latent.analyze(waveform, BPM, BARS)
    mu = magnitude.log_magnitudes(waveform[0], FRAMES, np.arange(FRAMES))
    mu = np.log(tonal.slow(np.exp(mu)))  # what a decoder knows of it: no beating
    sigma = np.full_like(mu, 0.3)

    def unsteadiness(strength: np.ndarray | None) -> float:
        rng = np.random.default_rng(1)
        loop = magnitude.render(mu, sigma, features, BPM, SAMPLES, rng, magnitude.Rendering(), strength)
        lines = np.abs(stft(loop[0], 32, n_fft=4096))[:, np.round(tonal.tone_hz()[CHORD] * 4096 / 44100).astype(int)]
        return float((20 * np.log10(lines)).std(axis=0).mean())

    grainy, steady = unsteadiness(None), unsteadiness(measured(waveform))
    assert steady < 0.65 * grainy


def test_contrast_lifts_the_tone_that_stands_out_and_leaves_an_even_field_alone() -> None:
    even = np.full((3, tonal.TONES), -0.5, np.float32)
    np.testing.assert_allclose(tonal.contrast(even, 0.5), even)
    blurred = even.copy()
    blurred[:, 20] += 0.4
    blurred[:, [19, 21]] += 0.2
    lifted = tonal.contrast(blurred, 0.5)
    np.testing.assert_allclose(lifted[:, 20] - blurred[:, 20], 0.5 * (0.4 - 0.1), rtol=1e-5)
    assert (lifted[:, 18] < blurred[:, 18]).all()
    np.testing.assert_array_equal(lifted[:, 30:], blurred[:, 30:])
    np.testing.assert_array_equal(tonal.contrast(blurred, 0.0), blurred)
    assert tonal.contrast(10 * blurred, 1.0).max() <= tonal.LOUDEST


@pytest.mark.parametrize("strength", [tonal.ABSENT, 0.0])
def test_sines_and_the_rest_share_the_power(strength: float) -> None:
    rng = np.random.default_rng(2)
    inner = slice(magnitude.FIRST_BIN, magnitude.LAST_BIN)
    log_mel = np.full((FRAMES, latent.N_MELS), -3.0)
    tones = np.full((FRAMES // latent.FRAMES_PER_LATENT, tonal.TONES), strength)
    drawn = tonal.sines(tones, log_mel, SAMPLES, inner, rng)
    partials, rest = tonal.split(drawn, np.full((FRAMES, magnitude.BINS), -6.0), inner)
    total = np.abs(partials) ** 2 + np.exp(-6.0 + 2 * rest)
    middle = slice(10, 90)  # 370 Hz to 2.1 kHz
    if strength == tonal.ABSENT:
        assert not partials.any()
        np.testing.assert_allclose(rest, 0, atol=1e-6)
    else:
        assert np.abs(partials[:, middle]).mean() > 0.1 * np.exp(-3.0)
        assert total[:, middle].mean() == pytest.approx(np.exp(-6.0), rel=0.35)


def test_a_quiet_side_has_quiet_sines() -> None:
    waveform = chord() + noise(0.002)
    features = latent.analyze(waveform, BPM, BARS)
    features[:, latent.SIDE] = -2.3  # 20 dB below the mid
    mu = np.log(tonal.slow(np.exp(magnitude.log_magnitudes(waveform[0], FRAMES, np.arange(FRAMES)))))
    sigma = np.full_like(mu, 0.3)
    rng = np.random.default_rng(1)
    loop = magnitude.render(mu, sigma, features, BPM, SAMPLES, rng, magnitude.Rendering(), measured(waveform))
    mid, side = latent.mid_side(loop)
    lines = np.round(tonal.tone_hz()[CHORD] * SAMPLES / latent.SAMPLE_RATE).astype(int)
    level = 20 * np.log10(np.abs(np.fft.rfft(side)[lines]).mean() / np.abs(np.fft.rfft(mid)[lines]).mean())
    assert -28 < level < -13


def test_what_lies_below_the_lowest_tone_is_none() -> None:
    below = 440.0 * 2.0 ** ((tonal.LOWEST_NOTE - 1 - 69) / 12)
    turns = round(below * SAMPLES / latent.SAMPLE_RATE)
    mono = (0.3 * np.sin(2 * np.pi * turns * np.arange(SAMPLES) / SAMPLES)).astype(np.float32)
    assert measured(np.stack([mono, mono]))[:, 0].max() == tonal.ABSENT
