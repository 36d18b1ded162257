"""Tracks whose tempo does not hold are cut where their beats are, and never across a break."""

import functools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fourfloor.errors import FourfloorError
from fourfloor.ingestion import pieces
from fourfloor.ingestion.borders import settle
from fourfloor.ingestion.folder import IngestConfig, IngestReport, ingest
from fourfloor.ingestion.onsets import analyze_onsets
from fourfloor.ingestion.picking import DUPLICATE, SILENCE, TEMPO_CHANGES
from fourfloor.ingestion.steadiness import grid_bars, is_steady, loops_hold
from fourfloor.ingestion.tempo import fit_grid
from fourfloor.ingestion.tracking import BeatMap, constant_map
from fourfloor.producer import render_loop
from fourfloor.signal.beatgrid import loop_samples

RATE = 44_100


@functools.cache
def song(bpm: float, seconds: float, seed: int) -> np.ndarray:
    """Return (samples,): two loops of one style in turn, each four bars."""
    style = render_loop(seed, bars=1, bpm=bpm).style
    pair = [render_loop(seed + k, style, 4, bpm).waveform.mean(axis=0) for k in (0, 1)]
    samples = round(seconds * RATE)
    return np.tile(np.concatenate([pair[0], pair[0], pair[1]]), samples // (3 * len(pair[0])) + 1)[:samples]


def cut(waveform: np.ndarray, folder: Path, **options: object) -> IngestReport:
    soundfile.write(folder / "song.wav", waveform.astype(np.float32), RATE, subtype="FLOAT")
    config = IngestConfig(jobs=1, max_loops_per_track=None, bars=2, **options)  # type: ignore[arg-type]
    return ingest([folder / "song.wav"], folder / "data", config)


def off_beat(report: IngestReport, beats: np.ndarray) -> np.ndarray:
    """Return by how many seconds each loop starts beside the nearest beat."""
    starts = np.array([loop.start_seconds for loop in report.catalogue.loops])
    return np.abs(starts[:, None] - beats).min(axis=1)


@pytest.mark.parametrize("drift", [0.002, 0.005, 0.01])
def test_loops_of_a_drifting_track_start_on_its_beats(drift: float, tmp_path: Path) -> None:
    bpm, straight = 128.0, song(128.0, 75.0, seed=7)
    seconds = np.arange(len(straight)) / RATE
    source = seconds * (1 - drift / 2) + drift / 2 * seconds**2 / 75.0  # from slower to faster
    report = cut(np.interp(source, seconds, straight), tmp_path)
    beats = np.interp(np.arange(0, source[-1], 60 / bpm), source, seconds)
    assert off_beat(report, beats).max() < 0.01
    assert report.tracks[0].grid == "pieces"
    assert report.tracks[0].drift_ms == pytest.approx(1000 * drift * 75.0 / 12, rel=0.5)
    for loop in report.catalogue.loops:  # each loop has the tempo at its place
        local = bpm * (1 - drift / 2 + drift * (loop.start_seconds + 1.9) / 75.0)
        assert loop.bpm == pytest.approx(local, rel=0.0015)
        assert loop.frames == loop_samples(loop.bpm, 2, RATE)
    assert report.loops + sum(report.tracks[0].dropped.values()) >= 18


def test_a_steady_track_is_steady(tmp_path: Path) -> None:
    report = cut(song(128.0, 60.0, seed=7)[5000:], tmp_path)
    assert (report.tracks[0].grid, report.tracks[0].drift_ms) == ("steady", 0.0)
    assert TEMPO_CHANGES not in report.tracks[0].dropped


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_silence_around_the_music_is_no_change_of_tempo(noise: float, tmp_path: Path) -> None:
    quiet = noise * np.random.default_rng(0).standard_normal(round(20.3 * RATE))
    report = cut(np.concatenate([quiet, song(126.0, 45.0, seed=3), quiet]), tmp_path)
    (track,) = report.tracks
    assert (track.grid, track.loops) == ("steady", len(report.catalogue.loops))
    assert set(track.dropped) <= {SILENCE, DUPLICATE, TEMPO_CHANGES}
    assert track.dropped[SILENCE] >= 8
    assert track.dropped.get(TEMPO_CHANGES, 0) <= 1  # the loop in which the music begins
    assert off_beat(report, 20.3 + np.arange(96) * 60 / 126).max() < 0.01


def test_a_little_music_in_much_silence_is_found(tmp_path: Path) -> None:
    quiet = np.zeros(90 * RATE)
    report = cut(np.concatenate([quiet, song(126.0, 24.0, seed=3), quiet, quiet]), tmp_path)
    assert report.loops >= 2
    assert report.tracks[0].dropped[SILENCE] >= 60
    assert off_beat(report, 90 + np.arange(52) * 60 / 126).max() < 0.01


@pytest.mark.parametrize("moved", [0.044, 0.106])
def test_halves_of_a_track_that_do_not_meet_are_told_apart(moved: float) -> None:
    """The average bar of both halves holds both grids, and every bar matches it where it is expected."""
    half = song(128.0, 45.0, seed=7)  # 24 bars
    onsets = analyze_onsets([np.concatenate([half, np.zeros(round(moved * RATE)), half])[None]], RATE)
    grid = fit_grid(onsets, 128.0)
    assert not is_steady(grid_bars(onsets, grid), grid.bpm)
    straight = analyze_onsets([np.concatenate([half, half])[None]], RATE)
    assert is_steady(grid_bars(straight, fit_grid(straight, 128.0)), 128.0)


def test_neighbors_share_the_ground_between_them_at_the_edit() -> None:
    straight = song(126.0, 80.0, seed=7)
    edit, left_out = 38.1, 0.31
    onsets = analyze_onsets(
        [np.delete(straight, slice(round(edit * RATE), round((edit + left_out) * RATE)))[None]], RATE
    )
    before, after = constant_map(126.0, 0.0), constant_map(126.0, -left_out)
    # Both pieces reach 8 s too far.
    maps = [(before, 0.0, edit + 8), (after, edit - 8, onsets.seconds)]
    [[(begin, end)], [(begin_after, end_after)]] = settle(
        onsets.standardized(), onsets.frame_rate, maps, onsets.seconds
    )
    assert begin < 0.5
    assert end_after > onsets.seconds - 1.0
    assert end == pytest.approx(edit, abs=1.0)
    assert begin_after == pytest.approx(edit, abs=1.0)


def test_two_tempi_are_cut_each_by_its_own(tmp_path: Path) -> None:
    slow, fast = song(120.0, 41.0, seed=7), song(131.0, 43.0, seed=11)
    report = cut(np.concatenate([slow, fast]), tmp_path)
    bpms = {loop.bpm for loop in report.catalogue.loops}
    assert all(min(abs(bpm - 120.0), abs(bpm - 131.0)) < 0.05 for bpm in bpms)
    assert {round(bpm) for bpm in bpms} == {120, 131}
    beats = np.concatenate([np.arange(0, 41, 60 / 120), 41 + np.arange(0, 43, 60 / 131)])
    assert off_beat(report, beats).max() < 0.01
    for loop in report.catalogue.loops:
        end = loop.start_seconds + loop.frames / RATE
        assert end < 41.02 or loop.start_seconds > 40.98
        assert abs(loop.bpm - (120.0 if end < 41.02 else 131.0)) < 0.05


def test_no_loop_crosses_an_edit(tmp_path: Path) -> None:
    straight = song(126.0, 90.0, seed=7)
    left_out = round(1.37 * RATE)
    report = cut(np.delete(straight, slice(40 * RATE, 40 * RATE + left_out)), tmp_path)
    beats = np.arange(0, 90, 60 / 126)
    beats = np.concatenate([beats[beats < 40], beats[beats > 41.37] - 1.37])
    assert off_beat(report, beats).max() < 0.01
    for loop in report.catalogue.loops:
        assert loop.start_seconds + loop.frames / RATE < 40.02 or loop.start_seconds > 39.98
    assert report.tracks[0].grid == "pieces"


def test_a_beat_map_goes_both_ways() -> None:
    bent = BeatMap(times=np.array([1.0, 2.0, 2.4]), beats=np.array([0.0, 2.0, 3.0]))
    np.testing.assert_allclose(bent.at(np.array([-2.0, 1.0, 2.5, 4.0])), [0.0, 1.5, 2.2, 2.8])
    np.testing.assert_allclose(bent.beat(bent.at(np.linspace(-3, 6, 13))), np.linspace(-3, 6, 13))
    np.testing.assert_allclose(constant_map(120.0, 0.25).at(np.array([0.0, 4.0])), [0.25, 2.25])


def test_three_beats_in_a_bar_are_dropped_with_the_reason(tmp_path: Path) -> None:
    four = song(126.0, 60.0, seed=7)
    beat = 60 / 126 * RATE
    three = [four[round(4 * bar * beat) :][: round(3 * beat)] for bar in range(30)]
    with pytest.raises(FourfloorError, match="not four beats in a bar"):
        cut(np.concatenate(three)[3000:], tmp_path)


def test_loops_of_a_fade_between_two_tempi_are_left_out(tmp_path: Path) -> None:
    """In the middle of the fade both tempi are loud; before and after it loops are kept."""
    first, second = song(126.0, 50.0, seed=7), song(137.0, 50.0, seed=11)
    shared = 14 * RATE
    ramp = np.sqrt(np.linspace(0, 1, shared))
    both = first[-shared:] * ramp[::-1] + second[:shared] * ramp
    report = cut(np.concatenate([first[:-shared], both, second[shared:]]), tmp_path)
    spans = np.array([(loop.start_seconds, loop.start_seconds + loop.frames / RATE) for loop in report.catalogue.loops])
    middle = np.minimum(spans[:, 1], 46.0) - np.maximum(spans[:, 0], 39.0)
    assert middle.max() < 1.0
    assert (spans[:, 1] < 39.0).sum() >= 2
    assert (spans[:, 0] > 46.0).sum() >= 2


def test_a_loop_within_which_the_beats_move_does_not_hold() -> None:
    rng = np.random.default_rng(0)
    profiles = np.tile(rng.uniform(0, 1, (1, 8, 384)) ** 8, (16, 1, 1))
    profiles[4:6] = np.roll(profiles[4:6], 3, axis=2)  # a 32nd of a beat: 15 ms at 126 BPM
    profiles[12:16] = rng.uniform(0, 1, (4, 8, 384)) ** 8  # other music, such as a break, says nothing
    held = loops_hold(profiles, 126.0, np.array([0, 4, 8, 12]), 4)
    np.testing.assert_array_equal(held, [True, False, True, True])


@pytest.mark.parametrize(("sway", "steady"), [(0.0, True), (0.003, True), (0.02, False)])
def test_a_tempo_that_wanders_within_a_few_bars_is_not_steady(sway: float, steady: bool) -> None:
    straight = song(128.0, 60.0, seed=7)
    seconds = np.arange(len(straight)) / RATE
    played = np.interp(seconds + sway * np.sin(2 * np.pi * seconds / 9.0), seconds, straight)
    onsets = analyze_onsets([played[None].astype(np.float32)], RATE)
    grid = fit_grid(onsets)
    assert is_steady(grid_bars(onsets, grid), grid.bpm) == steady


def test_a_piece_with_no_bar_left_around_a_jump_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    onsets = analyze_onsets([song(128.0, 60.0, seed=7)[None]], RATE)

    def torn(*_: object) -> BeatMap:
        """Jump by 50 ms after beat 14; the middle of the seed is beat 16."""
        beats = -14.0 + 4.0 * np.arange(16)
        return BeatMap(times=20.0 + beats * 60 / 128 + 0.05 * (beats > 14), beats=beats)

    monkeypatch.setattr(pieces, "_refined", torn)
    flux, rate = onsets.standardized(), onsets.frame_rate
    assert pieces._grown(flux, rate, 128.0, 1.0, (20.0, 36.0), (0.0, onsets.seconds)) is None
