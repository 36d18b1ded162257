import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from fourfloor.signal.analysis import ANALYSIS_RATE, peak_pitches, power_frames, to_analysis_rate
from fourfloor.signal.beatgrid import loop_frames, loop_samples
from fourfloor.signal.stft import istft, resample_loop, stft


@pytest.mark.parametrize(("bpm", "bars", "samples"), [(120.0, 1, 88_200), (126.0, 4, 336_000), (133.7, 8, 633_298)])
def test_a_loop_has_the_length_of_its_bars(bpm: float, bars: int, samples: int) -> None:
    assert loop_samples(bpm, bars, 44_100) == samples


@settings(max_examples=20)
@given(bpm=st.floats(90.0, 180.0), seed=st.integers(0, 1000))
def test_the_grid_gives_back_every_sample_at_every_tempo(bpm: float, seed: int) -> None:
    samples = loop_samples(bpm, 1, 44_100)
    waveform = np.random.default_rng(seed).standard_normal(samples).astype(np.float32)
    rebuilt = istft(stft(waveform, loop_frames(1)), samples)
    assert rebuilt.shape == waveform.shape
    assert np.abs(rebuilt - waveform).max() < 1e-5


def test_turning_a_loop_by_a_beat_turns_its_frames() -> None:
    waveform = np.random.default_rng(0).standard_normal(loop_samples(120.0, 1, 44_100)).astype(np.float32)
    frames = loop_frames(1)
    turned = stft(np.roll(waveform, 22_050), frames)
    np.testing.assert_allclose(turned, np.roll(stft(waveform, frames), 32, axis=0), atol=1e-6)


def test_frames_that_do_not_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="do not overlap"):
        istft(np.zeros((16, 1025), np.complex64), 200_000)


def test_resampling_a_loop_keeps_a_periodic_tone() -> None:
    time = np.arange(4410) / 4410
    tone = np.sin(2 * np.pi * 20 * time).astype(np.float32)
    expected = np.sin(2 * np.pi * 20 * np.arange(1000) / 1000)
    np.testing.assert_allclose(resample_loop(tone, 1000), expected, atol=1e-5)


def test_an_impossible_tempo_is_refused() -> None:
    with pytest.raises(ValueError, match="bpm 0"):
        loop_samples(0.0, 4, 44_100)


@pytest.mark.parametrize("samples", [1, 13, 44_101, 336_000])
def test_half_the_rate_is_what_the_general_resampler_makes(samples: int) -> None:
    waveform = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    pad = min(samples, 128)
    continued = np.concatenate([waveform[-pad:], waveform, waveform[:pad]])
    expected = resample_poly(continued, 1, 2)[round(pad / 2) :][: max(1, round(samples / 2))]
    np.testing.assert_allclose(to_analysis_rate(waveform, 44_100), expected, atol=1e-6)


def test_a_peak_lies_between_its_bins() -> None:
    pitches = np.array([57.3, 69.0, 76.8])  # 224.0, 440.0 and 690.5 Hz, none of them a whole number of bins
    hertz = 440.0 * 2 ** ((pitches - 69) / 12)
    tones = np.sin(2 * np.pi * hertz[:, None] * np.arange(ANALYSIS_RATE) / ANALYSIS_RATE).sum(axis=0)
    level = 10 * np.log10(power_frames(tones, 8, 4096) + 1e-7)
    bins = np.round(hertz * 4096 / ANALYSIS_RATE).astype(int)
    found, peak_db = peak_pitches(level, np.full(3, 4), bins)
    np.testing.assert_allclose(found, pitches, atol=0.05)
    np.testing.assert_allclose(
        peak_db, 20 * np.log10(4096 / 4), atol=0.3
    )  # up to half a bin away, a Hann lobe is this near to a parabola
