"""Notes of the bass: found between onsets, moved as a whole, and onto the scale that bass and chords share."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourfloor.representations import latent, low_end, magnitude, tonal, tuning
from fourfloor.signal.beatgrid import loop_frames, loop_samples

BARS = 1
FRAMES = loop_frames(BARS)
A_MINOR = {9, 11, 0, 2, 4, 5, 7}
Pitches = Sequence[np.ndarray | float]


def played(lower: Pitches, upper: Pitches = (), level: float = 0.2) -> np.ndarray:
    """Return features whose bands play pitches (MIDI), evenly over the loop, each decaying from its onset."""
    features = np.full((FRAMES, latent.FEATURE_DIM), np.log(latent.LEVEL_FLOOR), np.float32)
    low = features[:, latent.LOW]
    low[:] = np.log(low_end.FLOOR), 0, np.log(low_end.FLOOR), 0
    for band, pitches in enumerate((lower, upper)):
        for number, pitch in enumerate(pitches):
            length = FRAMES // len(pitches)
            frames = slice(number * length, (number + 1) * length)
            low[frames, 2 * band] = np.log(level * 0.9 ** np.arange(length) + low_end.FLOOR)
            low[frames, 2 * band + 1] = (pitch - 69) / 12 + np.log2(440 / low_end.CENTERS_HZ[band])
    return features


def chords(*pitch_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the tonality of sure partials on pitch classes, and log-mel under which they are loud."""
    tones = (np.arange(tonal.TONES) + tonal.LOWEST_NOTE) % 12
    tonality = np.full((FRAMES // latent.FRAMES_PER_LATENT, tonal.TONES), tonal.ABSENT, np.float32)
    tonality[:, np.isin(tones, pitch_classes)] = 1.0
    return tonality, np.full((FRAMES, latent.N_MELS), -3.0, np.float32)


def heard(low: np.ndarray, band: int = 0) -> list[float]:
    return [note.pitch for note in tuning.notes(low, band)]


def test_notes_are_found_with_their_pitches_around_the_circle() -> None:
    low = np.roll(played([33.2, 36.4, 31.0, 38.1])[:, latent.LOW], -20, axis=0)
    found = list(tuning.notes(low, 0))
    assert sorted(note.pitch for note in found) == pytest.approx([31.0, 33.2, 36.4, 38.1], abs=0.01)
    assert sorted(len(note.frames) for note in found) == [FRAMES // 4] * 4
    assert {frame for note in found for frame in note.frames} == set(range(FRAMES))
    assert not list(tuning.notes(low, 1))


def test_short_notes_and_long_ones_are_notes() -> None:
    sixteenths = played([33.4] * (FRAMES // 8))
    sixteenths[:, latent.LOW.start] -= 0.15 * (np.arange(FRAMES) % 8)  # they decay by a fifth a frame
    drone = played([33.4])
    drone[:, latent.LOW.start] = np.log(0.2)
    for features, count in ((sixteenths, FRAMES // 8), (drone, 1)):
        assert len(list(tuning.notes(features[:, latent.LOW], 0))) == count
        assert heard(tuning.in_tune(features, None)) == pytest.approx([33.0] * count, abs=0.02)


def test_each_note_goes_to_the_nearest_one_of_the_scale() -> None:
    features = played([33.3, 36.4, 30.8, 37.9], [45.4, 44.7])
    tonality, features[:, latent.MEL] = chords(9, 0, 4, 7, 11, 2, 5)
    low = tuning.in_tune(features, tonality)
    assert heard(low) == pytest.approx([33, 36, 31, 38], abs=0.02)
    assert heard(low, 1) == pytest.approx([45, 45], abs=0.02)


def test_the_chords_decide_between_two_scales() -> None:
    line = [33.0, 38.0, 35.45, 33.0]  # B or B flat
    for tone, goal in ((11, 35.0), (10, 36.0)):  # with B flat in the chords the nearest to 35.45 is C
        features = played(line)
        tonality, features[:, latent.MEL] = chords(*(A_MINOR - {11} | {tone}))
        assert heard(tuning.in_tune(features, tonality))[2] == pytest.approx(goal, abs=0.02)


def test_a_bass_against_the_chords_gives_way_and_decides_where_they_do_not() -> None:
    for tone, goals in ((37.0, (36.0, 38.0)), (42.0, (42.0,))):  # C sharp is in no scale with C, E and G; F sharp is
        features = played([tone] * 4)
        tonality, features[:, latent.MEL] = chords(0, 4, 7)
        (center,) = {round(pitch, 1) for pitch in heard(tuning.in_tune(features, tonality))}
        assert any(center == pytest.approx(goal, abs=0.06) for goal in goals), (tone, center)


def test_a_bass_in_tune_stays_as_it_is() -> None:
    features = played([33.0, 36.0, 31.0, 38.0, 35.0], [45.0, 48.0, 47.0])  # with half steps
    np.testing.assert_allclose(tuning.in_tune(features, None), features[:, latent.LOW], atol=1e-3)


def test_kicks_that_nearly_agree_stay_one_kick() -> None:
    features = played([31.3, 31.6, 31.2, 31.55])
    tuned = heard(tuning.in_tune(features, None))
    assert np.ptp(tuned) < 0.01
    assert tuned[0] == pytest.approx(round(tuned[0]), abs=0.02)


def test_a_slide_is_moved_and_not_flattened() -> None:
    slide = np.linspace(36.3, 34.3, FRAMES // 2)
    features = played([slide, 40.0])
    note = next(iter(tuning.notes(tuning.in_tune(features, None), 0)))
    assert note.pitch == pytest.approx(round(note.pitch), abs=0.1)
    inner = note.pitches[tuning.WOBBLE_FRAMES : -tuning.WOBBLE_FRAMES]
    assert inner[0] - inner[-1] == pytest.approx(slide[0] - slide[len(inner) - 1], abs=0.2)


def test_a_wobble_is_smoothed() -> None:
    wobble = 36.0 + 0.5 * (-1.0) ** np.arange(FRAMES // 2)
    features = played([wobble, 40.0])
    lows = features[:, latent.LOW], tuning.in_tune(features, None)
    before, after = (next(iter(tuning.notes(low, 0))) for low in lows)
    assert np.std(after.pitches) < 0.3 * np.std(before.pitches)


def test_a_note_lies_on_a_tone_once_its_wobble_is_smoothed() -> None:
    wobble = 36.0 + np.where(np.arange(FRAMES // 2) % 3, 0.0, 1.2)  # its median is 36.0, and 36.4 of what is smoothed
    tuned = heard(tuning.in_tune(played([wobble, 40.0]), None))
    assert tuned == pytest.approx(np.round(tuned), abs=0.01)


def test_silence_has_no_notes() -> None:
    features = played([])
    assert not list(tuning.notes(features[:, latent.LOW], 0))
    np.testing.assert_array_equal(tuning.in_tune(features, None), features[:, latent.LOW])


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 4.0))
def test_whatever_is_sampled_stays_finite_and_as_loud(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    features = (scale * rng.standard_normal((FRAMES, latent.FEATURE_DIM)) - 2).astype(np.float32)
    tonality = rng.normal(-1, scale, (FRAMES // latent.FRAMES_PER_LATENT, tonal.TONES)).astype(np.float32)
    before = features.copy()
    low = tuning.in_tune(features, tonality)
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(low[:, ::2], features[:, latent.LOW][:, ::2])
    assert np.isfinite(low).all()


def test_only_a_sampled_loop_is_sounded_in_tune() -> None:
    bpm = 120.0
    features = played([33.4, 33.4])
    samples = loop_samples(bpm, BARS, latent.SAMPLE_RATE)
    strongest = []
    for rendering in (magnitude.Rendering(iterations=0), magnitude.Rendering(iterations=0, in_tune=True)):
        loop = magnitude.render_envelope(features, bpm, samples, np.random.default_rng(0), rendering)
        spectrum = np.abs(np.fft.rfft(loop[0] * np.hanning(samples), 8 * samples))
        strongest.append(np.argmax(spectrum) * latent.SAMPLE_RATE / (8 * samples))
    assert 69 + 12 * np.log2(np.array(strongest) / 440) == pytest.approx([33.4, 33.0], abs=0.15)  # whole turns
