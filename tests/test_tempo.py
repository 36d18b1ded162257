"""The grid of a track: tempo, beats, downbeats and confidence on music of known tempo, and on what has none."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fourfloor.audio import decode
from fourfloor.ingestion.certainty import certainty
from fourfloor.ingestion.onsets import MAX_SECONDS
from fourfloor.ingestion.phase import find_phase, sixteenths
from fourfloor.ingestion.steadiness import grid_bars, is_steady
from fourfloor.ingestion.tempo import MAX_BPM, MIN_BPM, Grid, Onsets, analyze_onsets, fit_grid

SAMPLE_RATE = 44_100
HouseLoop = Callable[..., np.ndarray]


def track_of(loop: np.ndarray, start: int = 0, seconds: float = 24.0, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Repeat a loop from one of its samples on."""
    length = round(seconds * sample_rate)
    return np.tile(loop, (1, length // loop.shape[1] + 2))[:, start : start + length]


def grid_of(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE, bpm: float | None = None) -> Grid:
    return fit_grid(analyze_onsets([waveform], sample_rate), bpm)


def distance(time: float, truth: float, period: float) -> float:
    """Return how far a time is from the nearest of truth + k * period."""
    return abs((time - truth + period / 2) % period - period / 2)


def breakbeat(bpm: float, bars: int, seed: int = 0) -> np.ndarray:
    """Return a two-step break, kick on 1 and before 4, snare on 2 and 4, hats in eighths, bass that moves each bar."""
    rng = np.random.default_rng(seed)
    sixteenth = 15.0 / bpm * SAMPLE_RATE
    time = np.arange(round(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
    kick = np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-time / 0.02)))) * np.exp(-time / 0.1)
    snare = 0.5 * rng.standard_normal(len(time)) * np.exp(-time / 0.05)
    hat = 0.1 * np.diff(rng.standard_normal(len(time) + 1)) * np.exp(-time / 0.02)
    waveform = np.zeros((1, round(bars * 16 * sixteenth) + len(time)))
    for bar in range(bars):
        bass = 0.2 * np.sin(2 * np.pi * (65, 65, 98, 87)[bar % 4] * time) * np.exp(-time / 0.15)
        for sound, steps in ((kick, (0, 10)), (snare, (4, 12)), (hat, range(0, 16, 2)), (bass, (0, 3, 6))):
            for step in steps:
                at = round((bar * 16 + step) * sixteenth)
                waveform[0, at : at + len(time)] += sound
    return (0.6 * waveform).astype(np.float32)


@pytest.mark.parametrize("bpm", [95.0, 118.0, 124.5, 126.37, 140.0, 160.0, 176.0])
def test_house_loop_gets_its_tempo_and_beat(make_house_loop: HouseLoop, bpm: float) -> None:
    loop = make_house_loop(bpm=bpm, bars=4)
    start = loop.shape[1] // 3
    grid = grid_of(track_of(loop, start))
    assert grid.bpm == pytest.approx(bpm, abs=0.02)
    assert distance(grid.first_beat, -start / SAMPLE_RATE, 60 / bpm) < 0.01
    assert 0 <= grid.first_beat < 60 / grid.bpm
    assert 0 <= grid.first_downbeat < 240 / grid.bpm
    assert grid.confidence > 0.5
    assert grid.beat_confidence > 0.5


@pytest.mark.parametrize("bpm", [132.0, 150.0, 168.0])
@pytest.mark.parametrize("beats_before", [0, 1, 2, 3])
def test_break_gets_its_downbeat_wherever_it_starts(bpm: float, beats_before: int) -> None:
    start = round((4 - beats_before) * 60 / bpm * SAMPLE_RATE)
    grid = grid_of(breakbeat(bpm, bars=14)[:, start:])
    assert grid.bpm == pytest.approx(bpm, abs=0.03)
    assert distance(grid.first_downbeat, -start / SAMPLE_RATE, 240 / bpm) < 0.015


@pytest.mark.parametrize("silence", [0.1, 1.7])
def test_leading_silence_moves_the_grid(silence: float) -> None:
    lead = np.zeros((1, round(silence * SAMPLE_RATE)), np.float32)
    grid = grid_of(np.concatenate([lead, breakbeat(140, bars=12)], axis=1))
    assert distance(grid.first_downbeat, silence, 240 / 140) < 0.015


def test_block_size_does_not_matter(make_house_loop: HouseLoop) -> None:
    waveform = track_of(make_house_loop(bars=2), seconds=11.0)
    whole = analyze_onsets([waveform], SAMPLE_RATE)
    blocks = analyze_onsets(np.array_split(waveform, 37, axis=1), SAMPLE_RATE)
    np.testing.assert_array_equal(whole.flux, blocks.flux)
    np.testing.assert_array_equal(whole.pitches, blocks.pitches)
    assert whole.seconds == pytest.approx(11.0, abs=0.003)


def test_level_does_not_matter(make_house_loop: HouseLoop) -> None:
    waveform = track_of(make_house_loop(bpm=128, bars=4))
    loud, quiet = grid_of(waveform), grid_of(0.01 * waveform)
    assert quiet.bpm == pytest.approx(loud.bpm, abs=0.01)
    assert quiet.first_downbeat == pytest.approx(loud.first_downbeat, abs=0.003)


@pytest.mark.parametrize("sample_rate", [10_000, 22_050, 48_000])
def test_other_sample_rates(make_house_loop: HouseLoop, sample_rate: int) -> None:
    loop = make_house_loop(bpm=127, bars=4, sample_rate=sample_rate)
    grid = grid_of(track_of(loop, sample_rate=sample_rate), sample_rate)
    assert grid.bpm == pytest.approx(127, abs=0.03)
    assert distance(grid.first_beat, 0, 60 / 127) < 0.012


def test_given_tempo_is_trusted_and_the_phase_found(make_house_loop: HouseLoop) -> None:
    loop = make_house_loop(bpm=125, bars=4)
    grid = grid_of(track_of(loop, start=10_000), bpm=125.0)
    assert grid.bpm == 125.0
    assert grid.confidence == 1.0
    assert distance(grid.first_beat, -10_000 / SAMPLE_RATE, 60 / 125) < 0.01


@pytest.mark.parametrize("bpm", [0.0, -120.0, float("nan"), float("inf")])
def test_impossible_tempo_is_refused_in_one_line(make_house_loop: HouseLoop, bpm: float) -> None:
    onsets = analyze_onsets([make_house_loop()], SAMPLE_RATE)
    with pytest.raises(ValueError, match=r"^bpm is .*: a tempo is a positive number") as refusal:
        fit_grid(onsets, bpm)
    assert "\n" not in str(refusal.value)


def test_noise_gets_no_confidence() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 20 * SAMPLE_RATE)).astype(np.float32)
    grid = grid_of(noise)
    assert max(grid.confidence, grid.beat_confidence, grid.downbeat_confidence) < 0.1


@pytest.mark.parametrize("samples", [1, 500, SAMPLE_RATE // 2, 10 * SAMPLE_RATE])
def test_silence_of_any_length_gets_a_grid_without_confidence(samples: int) -> None:
    grid = grid_of(np.zeros((2, samples), np.float32))
    assert MIN_BPM <= grid.bpm <= MAX_BPM
    assert grid.confidence == grid.beat_confidence == grid.downbeat_confidence == 0


@pytest.mark.parametrize(
    ("drift", "steady"), [(0.0, True), (0.005, False), (0.01, False), (0.02, False), (0.08, False)]
)
def test_drift_is_told_from_one_tempo(make_click_track: Callable[..., np.ndarray], drift: float, steady: bool) -> None:
    clicks = make_click_track(bpm=126, seconds=44)
    times = np.arange(40 * SAMPLE_RATE) / SAMPLE_RATE
    drifting = np.interp(times + drift * times**2 / 80, np.arange(clicks.shape[1]) / SAMPLE_RATE, clicks[0])
    onsets = analyze_onsets([drifting[None].astype(np.float32)], SAMPLE_RATE)
    grid = fit_grid(onsets)
    assert is_steady(grid_bars(onsets, grid), grid.bpm) == steady


@pytest.mark.parametrize("late", [0, 5, 8])
@pytest.mark.parametrize("loud", ["eighths", "between"])
def test_swung_sixteenths_are_not_taken_for_the_eighths(late: int, loud: str) -> None:
    profile = np.zeros((1, 384))
    profile[0, ::48] = 1.0 if loud == "eighths" else 0.7
    profile[0, 24 + late :: 48] = 0.7 if loud == "eighths" else 1.0
    assert sixteenths(profile) == (0, 1 if late else None)


def test_a_kick_on_a_swung_sixteenth_is_not_the_beat() -> None:
    """Kick and bass lie on the late sixteenths before the beats, hats on all of them."""
    bpm, rate = 125.0, 400.0
    beat, late = 60.0 / bpm, 0.2
    flux = np.zeros((8, round(80 * beat * rate)))
    for number in range(320):
        sixteenth = number % 4
        at = round(beat * (number + (late if sixteenth % 2 else 0.0)) / 4 * rate)
        flux[6:, at] = (2.0, 1.2, 1.2, 1.6)[sixteenth]
        flux[:6, at] = (0.5, 0.4, 0.4, 1.6)[sixteenth]
    onsets = Onsets(flux=flux, frame_rate=rate, pitches=np.zeros((72, 800)), pitch_rate=rate / 16)
    phase = find_phase(onsets, onsets.standardized(), bpm)
    assert distance(phase.downbeat, 0.0, beat) < 0.01


def test_triplets_are_not_taken_for_swing() -> None:
    profile = np.zeros((1, 384))
    profile[0, ::32] = 1.0
    profile[0, ::96] = 1.5
    assert sixteenths(profile) == (0, None)


def test_a_grid_beside_the_beat_is_less_certain(make_house_loop: HouseLoop) -> None:
    onsets = analyze_onsets([track_of(make_house_loop(bpm=126, bars=4), seconds=40.0)], SAMPLE_RATE)
    grid = fit_grid(onsets)
    shifted = replace(grid, first_downbeat=grid.first_downbeat + 30.0 / grid.bpm)
    right, wrong = (certainty(where, grid_bars(onsets, where), triplets=False) for where in (grid, shifted))
    assert right > 0.9
    assert 1 - wrong > 5 * (1 - right)


def test_empty_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="no audio to analyze"):
        analyze_onsets([], SAMPLE_RATE)


def test_analysis_of_an_endless_stream_stops() -> None:
    def endless() -> Iterator[np.ndarray]:
        while True:
            yield np.zeros((1, 4 * 60 * 2_000), np.float32)

    assert analyze_onsets(endless(), 2_000).seconds == pytest.approx(MAX_SECONDS, abs=0.01)


@pytest.mark.music
@pytest.mark.parametrize(
    ("name", "bpm"), [("gunroar/gr0.ogg", 146.0), ("parsec47/ptn0.ogg", 160.0), ("noiz2sa/stg4.ogg", 124.0)]
)
def test_real_track_gets_its_grid_whole_and_in_part(music_folder: Path, name: str, bpm: float) -> None:
    waveform = decode(music_folder / name)
    start = round(11.3 * SAMPLE_RATE)
    for first, part in ((0, waveform), (start, waveform[:, start : start + 30 * SAMPLE_RATE])):
        grid = grid_of(part)
        assert grid.bpm == pytest.approx(bpm, abs=0.05)
        assert distance(grid.first_downbeat, -first / SAMPLE_RATE, 240 / bpm) < 0.02
