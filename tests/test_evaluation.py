"""The per-loop numbers: closed cases, invariances, and the frauds each of them exists for."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from evaluation_music import RATE, play, sample, tempo
from hypothesis import given, settings
from hypothesis import strategies as st

from fourfloor.envelope import Envelope
from fourfloor.evaluation.features import analyze, style_vector
from fourfloor.evaluation.rhythm import (
    independence_of,
    is_tempo,
    measure_bpm,
    pulse_of,
    repetition_of,
)
from fourfloor.evaluation.scores import LoopScores, score_loop
from fourfloor.evaluation.seam import seam


@pytest.fixture(scope="module")
def envelope() -> Envelope:
    return Envelope.of([scored(track, part) for track in range(12) for part in range(2)])


def scored(track: int, part: int = 0) -> LoopScores:
    return score_loop(play(track, part), RATE, tempo(track), 4)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return 0.2 * np.random.default_rng(seed).standard_normal((1, samples)).astype(np.float32)


def tempo_hit(waveform: np.ndarray, rate: int, bpm: float) -> bool:
    return is_tempo(measure_bpm(waveform, rate), bpm)


def helicopter(waveform: np.ndarray, bars: int = 4) -> np.ndarray:
    samples = waveform.shape[1]
    return noise(samples) * (np.arange(samples) * 8 * bars / samples % 1 < 0.5)


@pytest.mark.parametrize("bpm", [90.0, 92.0, 93.0, 97.0, 110.0, 126.0, 128.5, 140.0, 155.0, 172.0, 180.0])
def test_tempo_is_measured_over_the_whole_range_and_no_octave_is_forgiven(bpm: float) -> None:
    waveform = play(3, bpm=bpm)
    assert tempo_hit(waveform, RATE, bpm)
    assert not tempo_hit(waveform, RATE, bpm * 1.03)
    assert not tempo_hit(waveform, RATE, bpm * 0.75)


def test_half_and_double_tempo_are_misses_inside_the_range() -> None:
    assert is_tempo(126.0, 126.0)
    assert not is_tempo(126.0, 63.0)
    assert not is_tempo(100.0, 200.0)
    assert is_tempo(180.0, 90.0)  # one and the same content
    assert not is_tempo(180.0, 95.0)


def test_tempo_of_the_content_is_measured_whatever_the_length_says() -> None:
    bpm = tempo(3)
    assert measure_bpm(play(3)[:, :-9000], RATE) == pytest.approx(bpm, rel=0.01)
    assert not tempo_hit(play(3), RATE, bpm * 1.05)


def test_gated_noise_has_pulse_but_no_independence() -> None:
    gated = helicopter(play(3))
    assert pulse_of(analyze(gated, RATE)) > 0.9
    assert independence_of(analyze(gated, RATE)) < 0.1
    assert independence_of(analyze(play(3), RATE)) > 0.2
    assert independence_of(analyze(noise(gated.shape[1]), RATE)) > 0.8
    assert pulse_of(analyze(noise(gated.shape[1]), RATE)) < 0.3


def test_repetition_is_one_for_a_tiled_bar_and_none_for_noise() -> None:
    waveform = play(3)
    bar = waveform[:, : waveform.shape[1] // 4]
    assert repetition_of(analyze(np.tile(bar, 4), RATE), 4) > 0.99
    assert abs(repetition_of(analyze(noise(waveform.shape[1]), RATE), 4)) < 0.05
    assert np.isnan(repetition_of(analyze(bar, RATE), 1))


def test_a_seam_names_what_is_wrong_with_it() -> None:
    waveform, bpm = play(3), tempo(3)
    assert seam(waveform, RATE, bpm, 4).passes
    # Noisy hats would hide the click from an ear, too.
    dull = np.mean([np.roll(waveform, i, axis=1) for i in range(8)], axis=0)
    clicked = dull.copy()
    clicked[:, -1] += 0.5
    assert seam(dull, RATE, bpm, 4).passes
    assert seam(clicked, RATE, bpm, 4).faults == ("click",)
    for wrong in (
        waveform[:, : round(0.97 * waveform.shape[1])],
        np.concatenate([waveform, waveform[:, : round(0.03 * waveform.shape[1])]], axis=1),
    ):
        assert "grid" in seam(wrong, RATE, bpm, 4).faults
    gap = waveform * (np.arange(waveform.shape[1]) < 0.96 * waveform.shape[1])
    assert "dip" in seam(gap, RATE, bpm, 4).faults
    # Content at another tempo than the length: also no loop.
    samples = waveform.shape[1]
    assert "grid" in seam(play(3, bpm=bpm * 0.93)[:, :samples], RATE, bpm, 4).faults


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda w: noise(w.shape[1]), "flatness_db"),
        (helicopter, "independence"),
        (lambda w: w * 0, "silent"),
        (lambda w: np.where(np.arange(w.shape[1]) == 5, np.nan, w), "not finite"),
        (lambda w: np.clip(w, -0.1, 0.1), "clipping"),
        (lambda w: w + 0.4, "offset"),
        (lambda w: w + 3.0 * (np.arange(w.shape[1]) == 40_000), "crackle"),
        (lambda w: 0.3 * np.tanh(20 * w) + 1.5 * noise(w.shape[1]), "modulation_db"),
    ],
)
def test_a_fraud_is_flagged_for_the_right_reason(envelope: Envelope, change: object, fault: str) -> None:
    waveform = play(3)
    honest, fraud = (score_loop(w, RATE, tempo(3), 4) for w in (waveform, change(waveform)))  # type: ignore[operator]
    assert honest.is_sane(envelope)
    assert fault in fraud.faults(envelope)
    assert fault not in honest.faults(envelope)
    assert fraud.quality(envelope) < honest.quality(envelope)


def test_held_out_parts_are_usual(envelope: Envelope) -> None:
    scores = [scored(track, part=7) for track in range(12)]
    assert np.mean([score.is_sane(envelope) for score in scores]) >= 0.8
    assert np.mean([score.tempo_hit for score in scores]) >= 0.8
    assert np.mean([score.seam.passes for score in scores]) >= 0.8


@settings(max_examples=8)
@given(gain_db=st.floats(-12, 12), track=st.integers(0, 20))
def test_gain_and_a_small_shift_change_no_number(gain_db: float, track: int) -> None:
    waveform, bpm = play(track, bars=2), tempo(track)
    changed = np.roll(waveform * 10 ** (gain_db / 20), round(0.005 * RATE), axis=1)
    first, second = score_loop(waveform, RATE, bpm, 2), score_loop(changed, RATE, bpm, 2)
    for number in ("pulse", "independence", "repetition", "flatness_db", "modulation_db", "crest_db"):
        before, after = getattr(first, number), getattr(second, number)
        assert after == pytest.approx(before, rel=0.05, abs=0.05), number
    assert first.tempo_hit == second.tempo_hit
    vectors = [style_vector(analyze(w, RATE), 2) for w in (waveform, changed)]
    assert np.sqrt(np.mean((vectors[0] - vectors[1]) ** 2)) < 1.0  # dB


def test_the_envelope_survives_being_written(envelope: Envelope) -> None:
    again = Envelope.from_dict(envelope.to_dict())
    for track in (1, 5, 30):
        assert scored(track).faults(again) == scored(track).faults(envelope)


def test_what_is_no_loop_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="no samples"):
        score_loop(np.zeros((1, 0)), RATE, 120, 4)
    with pytest.raises(ValueError, match="must be positive"):
        score_loop(play(1), RATE, 0, 4)


@pytest.mark.parametrize("samples", [1, 5, 500, 3000])
def test_a_scrap_of_audio_is_scored_without_failing(envelope: Envelope, samples: int) -> None:
    score = score_loop(sample(1).waveform[:, :samples], RATE, 120, 1)
    assert np.isfinite(score.quality(envelope))
    assert not score.tempo_hit or samples > 1000


@pytest.mark.music
def test_real_tracks_hit_their_tempo(music_folder: Path) -> None:
    hits = []
    with open(music_folder / "tempo.csv", encoding="utf-8") as table:
        for row in list(csv.DictReader(table))[::3]:
            bpm = float(row["bpm"])
            waveform, rate = soundfile.read(music_folder / row["file"], dtype="float32", always_2d=True)
            samples = round(960 / bpm * rate)
            hits.append(tempo_hit(waveform[2 * samples : 3 * samples].T, rate, bpm))
    assert np.mean(hits) >= 0.85
