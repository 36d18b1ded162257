"""The tonal numbers: closed cases, what does not change them, what does and in which direction."""

import numpy as np
import pytest
from evaluation_music import RATE, play, sample, tempo

from fourfloor.evaluation.numbers import score_set
from fourfloor.evaluation.references import make_rows
from fourfloor.evaluation.sources import Source
from fourfloor.evaluation.tonal_references import blur, mistuned
from fourfloor.evaluation.tones import TONES, Tones, tones_of
from fourfloor.signal.beatgrid import loop_samples

BPM = 128.0
SAMPLES = loop_samples(BPM, 4, RATE)
MINOR = (57, 60, 64, 69, 72)  # A minor, MIDI


def sines(pitches: tuple[float, ...], amplitude: float = 0.1) -> np.ndarray:
    """Hold pitches through a closed loop, each at the nearest whole number of turns."""
    turns = [round(440 * 2 ** ((pitch - 69) / 12) * SAMPLES / RATE) for pitch in pitches]
    angle = 2 * np.pi * np.arange(SAMPLES) / SAMPLES
    return np.sum([amplitude * np.sin(turn * angle) for turn in turns], axis=0).astype(np.float32)


def bass_line(pitches: tuple[float, ...]) -> np.ndarray:
    """Play one note a beat, over and over."""
    samples = SAMPLES // 16
    time = np.arange(samples) / RATE
    shape = np.minimum(1, time / 0.004) * np.minimum(1, (0.35 - time).clip(0) / 0.05)  # a gap before the next
    notes = [0.3 * shape * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) for pitch in pitches]
    return np.resize(np.concatenate([notes[beat % len(notes)] for beat in range(16)]), SAMPLES).astype(np.float32)


def heard(waveform: np.ndarray) -> Tones:
    return tones_of(waveform, BPM, 4)


def noise(seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(SAMPLES).astype(np.float32)


def test_a_held_chord_is_clear_and_in_its_scale_and_noise_is_neither() -> None:
    chord, hiss = heard(sines(MINOR)), heard(noise())
    assert chord.clarity_db > 30
    assert chord.in_scale > 0.95
    assert hiss.clarity_db == pytest.approx(5.6, abs=0.3)
    assert hiss.floor_db == pytest.approx(-2.4, abs=0.2)
    assert chord.floor_db < -6  # where nothing sounds at all, the spectrum is flat
    assert hiss.in_scale < 0.45


def test_more_noise_between_the_partials_is_a_higher_floor() -> None:
    floors = [heard(sines(MINOR) + gain * noise()).floor_db for gain in (0.0, 0.01, 0.1, 1.0)]
    assert floors == sorted(floors)
    assert floors[0] < floors[3] - 3


def test_a_scale_may_be_tuned_anywhere_and_a_detuned_voice_is_not_in_it() -> None:
    quarter = tuple(pitch + 0.5 for pitch in MINOR)
    assert heard(sines(quarter)).in_scale > 0.95
    detuned = (*MINOR[:3], *quarter[3:])
    assert heard(sines(detuned)).in_scale < 0.8
    chromatic = tuple(range(57, 69))
    assert heard(sines(chromatic)).in_scale == pytest.approx(7 / 12, abs=0.15)


def test_a_bass_is_in_key_with_the_chords_or_a_quarter_tone_off() -> None:
    chords = 0.3 * sines(MINOR)
    in_key, off = (heard(chords + bass_line(pitches)) for pitches in ((31, 33, 35), (31.5, 33.5, 35.5)))
    assert in_key.bass_in_key > 0.9
    assert off.bass_in_key < 0.1
    assert in_key.bass_steady > 0.8
    assert in_key.bass_spread == pytest.approx(np.std([0, 2, 4]), abs=0.5)
    drone = heard(chords + sines((33.0,), 0.3))
    assert drone.bass_steady > 0.9
    assert drone.bass_spread < 0.1


@pytest.mark.parametrize("track", [3, 7])
def test_gain_and_where_the_circle_begins_change_nothing(track: int) -> None:
    waveform, bpm = play(track)[0], tempo(track)
    before = tones_of(waveform, bpm, 4)
    louder = tones_of(0.05 * waveform, bpm, 4)
    turned = tones_of(np.roll(waveform, 12_345), bpm, 4)
    for name in TONES:
        assert getattr(louder, name) == pytest.approx(getattr(before, name), rel=2e-3, abs=2e-3), name
    # Frames fall elsewhere between the drums; the numbers of real loops differ by dB.
    assert turned.clarity_db == pytest.approx(before.clarity_db, abs=0.3)
    assert turned.floor_db == pytest.approx(before.floor_db, abs=0.15)
    assert turned.in_scale == pytest.approx(before.in_scale, abs=0.05)
    assert turned.bass_steady == pytest.approx(before.bass_steady, abs=0.05)


def test_a_whole_number_of_beats_turns_the_circle_without_a_trace() -> None:
    loop = sines(MINOR) + bass_line((33, 36, 40))
    before, turned = heard(loop), heard(np.roll(loop, 4 * SAMPLES // 16))
    for name in TONES:
        assert getattr(turned, name) == pytest.approx(getattr(before, name), abs=0.1), name


def test_blurred_partials_are_less_clear_the_more_they_are_blurred() -> None:
    waveform = 0.2 * sines(MINOR) + play(3, bpm=BPM)[0][:SAMPLES]
    strengths = (0.0, 0.5, 1.0, 2.0)
    clear = [heard(blur(waveform, RATE, strength, np.random.default_rng(0))) for strength in strengths]
    values = [tones.clarity_db for tones in clear]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1] + 2
    floors = [tones.floor_db for tones in clear]
    assert floors == sorted(floors)


def test_silence_and_scraps_have_no_tones() -> None:
    for waveform in (np.zeros(SAMPLES, np.float32), np.ones(100, np.float32)):
        assert all(np.isnan(getattr(heard(waveform), name)) for name in TONES)


def test_the_rows_stand_apart_in_what_each_is_there_for() -> None:
    held_out = Source.of([sample(track) for track in range(8)])
    rows = make_rows(held_out, held_out, 6, 0, only=["A", "L", "M", "N"])
    tones = {letter: score_set(row, 10_000.0).tones for letter, row in rows.items()}
    middle = {
        letter: {name: np.nanmedian([getattr(one, name) for one in row]) for name in TONES}
        for letter, row in tones.items()
    }
    assert middle["L"]["clarity_db"] < middle["A"]["clarity_db"] < middle["N"]["clarity_db"]
    assert middle["L"]["floor_db"] > middle["N"]["floor_db"]
    assert middle["N"]["bass_spread"] < 0.2 < middle["A"]["bass_spread"]
    assert middle["N"]["in_scale"] > 0.9
    assert middle["M"]["clarity_db"] == pytest.approx(middle["A"]["clarity_db"], abs=0.5)


def test_the_mistuned_row_moves_the_bass_by_a_quarter_tone_and_nothing_else() -> None:
    loop = sines(MINOR, 0.05) + bass_line((33, 36, 40))
    source = Source.of([sample(3)])
    given = type(source[0])(waveform=loop[None], sample_rate=RATE, bpm=BPM, bars=4, track="t", name="n")
    (moved,) = mistuned(Source.of([given]), 1, 0)
    assert moved.sample_rate == 44_100
    before, after = score_set([given], 10_000.0).tones[0], score_set([moved], 10_000.0).tones[0]
    assert before.bass_in_key > 0.9
    assert after.bass_in_key < 0.2
    assert after.in_scale == pytest.approx(before.in_scale, abs=0.02)
    assert after.bass_spread == pytest.approx(before.bass_spread, abs=0.6)


def test_the_numbers_of_a_set_are_medians_and_survive_being_written() -> None:
    row = score_set([sample(track) for track in range(3)], 10_000.0)
    again = type(row).from_dict(row.to_dict())
    assert again.tones == row.tones
