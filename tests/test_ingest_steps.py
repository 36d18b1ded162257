"""Steps of ingesting, each alone: cutting, rounding a tempo, finding copies and clipping, splitting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ingest import RATE

from fourfloor.errors import FourfloorError
from fourfloor.ingestion import picking
from fourfloor.ingestion.analysis import TrackAnalysis
from fourfloor.ingestion.folder import IngestConfig, Thresholds
from fourfloor.ingestion.slicing import Cuts, cut_loops, plan_cuts, round_tempo
from fourfloor.ingestion.splitting import select, split
from fourfloor.ingestion.tempo import Grid


@pytest.mark.parametrize(
    "wrong",
    [
        {"bars": 0}, {"bars": 3}, {"bars": 16}, {"hop_bars": 0}, {"bars": 2, "hop_bars": 3}, {"bpm": 0.0},
        {"bpm": float("nan")}, {"bpm": 401.0}, {"jobs": 257},
        {"sample_rate": 1}, {"channels": 3}, {"max_loops_per_track": 0}, {"validation_share": 1.0}, {"jobs": -1},
        {"min_confidence": 2.0}, {"style": "deep\N{NO-BREAK SPACE}house"}, {"style": "a\nb"}, {"style": "caf\udce9"},
        {"style": "-"}, {"style": "x" * 65},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"^{list(wrong)[-1]} [^\n]+(: choose|: give|: pass|; loops have) [^\n]+$"):
        IngestConfig(**wrong)


@pytest.mark.parametrize(
    ("bpm", "way"),
    [(85.0, "double tempo: --bpm 170"), (66.25, "double tempo: --bpm 132.5"), (190.0, "half tempo: --bpm 95")],
)
def test_a_given_tempo_out_of_range_is_refused_with_the_one_that_counts(bpm: float, way: str) -> None:
    with pytest.raises(FourfloorError, match=rf"^bpm is {bpm:g}; loops have 90 to 180 BPM; count this music at {way}$"):
        IngestConfig(bpm=bpm)


@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=30),
    first=st.integers(-5, 40),
    hop=st.integers(1, 60),
    length=st.integers(6, 80),
)
def test_cutting_a_stream_is_slicing_the_whole(lengths: list[int], first: int, hop: int, length: int) -> None:
    total = sum(lengths)
    track = np.arange(1, 2 * total + 1, dtype=np.float32).reshape(2, total)
    starts = np.array([s for s in range(first, total, hop) if s + length <= total + 5], np.int64)
    count = len(starts)
    cuts = Cuts(
        starts_samples=starts, lengths_samples=np.full(count, length), bpms=np.full(count, 120.0),
        bar_numbers=np.arange(count),
    )  # fmt: skip
    blocks = np.split(track, np.cumsum(lengths)[:-1], axis=1)
    padded = np.pad(track, ((0, 0), (5, length + 5)))
    cut = list(cut_loops(blocks, cuts))
    assert len(cut) == len(starts)
    for loop, start in zip(cut, starts, strict=True):
        assert np.array_equal(loop, padded[:, start + 5 : start + 5 + length])


@given(bpm=st.integers(70, 190), error=st.floats(-0.9, 0.9), seconds=st.floats(20, 600))
def test_a_fit_near_a_whole_tempo_becomes_it(bpm: int, error: float, seconds: float) -> None:
    assert round_tempo(bpm * (1 + error * 0.008 / seconds), seconds) == bpm


def test_a_tempo_that_is_not_round_is_kept() -> None:
    assert round_tempo(126.4567, 300.0) == 126.46
    assert round_tempo(126.45678, 1200.0) == 126.4568


@given(bpm=st.floats(90, 180), downbeat=st.floats(0, 0.99), seconds=st.floats(30, 300))
def test_a_rounded_grid_stays_on_the_fitted_beats(bpm: float, downbeat: float, seconds: float) -> None:
    bar = 240 / bpm
    grid = Grid(
        bpm=bpm, confidence=1, first_beat=0, first_downbeat=downbeat * bar, beat_confidence=1, downbeat_confidence=1
    )
    cuts = plan_cuts(grid, round_tempo(bpm, seconds), seconds, RATE, 4, 4)
    starts = cuts.starts_samples / RATE
    off = (starts - downbeat * bar + bar / 2) % bar - bar / 2
    moved = 0.01 if len(starts) and starts[0] == 0 else 0.0  # to the first sample
    assert np.abs(off).max(initial=0.0) < 0.006 + moved
    assert starts.min(initial=0.0) >= -0.021
    assert (starts + cuts.lengths_samples / RATE).max(initial=0.0) <= seconds + 0.021


@pytest.mark.parametrize("shift", [0, 3, 40])
def test_similarity_finds_a_copy_at_any_shift(shift: int) -> None:
    rng = np.random.default_rng(0)
    track = rng.normal(size=(200, 22)).astype(np.float16)
    excerpt = (track[shift : shift + 120] + rng.normal(scale=0.2, size=(120, 22))).astype(np.float16)
    assert picking.similarity(track, excerpt) > 0.95
    assert picking.similarity(excerpt, track) > 0.95
    assert picking.similarity(track, rng.normal(size=(200, 22)).astype(np.float16)) < 0.2


def test_similarity_finds_a_copy_without_the_highest_bands() -> None:
    rng = np.random.default_rng(0)
    track = rng.normal(size=(200, 22)).astype(np.float16)
    dull = track.copy()
    dull[:, 12:] = -9.2
    assert picking.similarity(track, dull) > 0.99
    dull[:, 6:] = -9.2
    assert picking.similarity(track, dull) == 0.0


def test_clipping_is_told_from_a_bass_note() -> None:
    time = np.arange(RATE) / RATE
    bass = np.sin(2 * np.pi * 50 * time).astype(np.float32)[None]
    noise = np.random.default_rng(0).normal(0, 0.3, (1, RATE)).astype(np.float32)
    limit = Thresholds().clipped_share
    assert picking.clipped_share(bass) == 0
    assert picking.clipped_share(noise / np.abs(noise).max()) < limit
    assert picking.clipped_share(np.clip(bass * 1.4 + noise, -1, 1)) > limit


@given(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=12), share=st.sampled_from([0.1, 0.15, 0.3, 0.5]))
def test_split_holds_out_a_share_and_leaves_the_rest(sizes: list[int], share: float) -> None:
    rng = np.random.default_rng(len(sizes))
    tracks = []
    for number, size in enumerate(sizes):
        marks = rng.normal(size=(size, 64))
        marks /= np.linalg.norm(marks, axis=1, keepdims=True)
        numbers = list(range(size))
        tracks.append(
            TrackAnalysis(sha256=f"{number:064x}", bar_numbers=numbers, fingerprints=marks.astype(np.float16))
        )
    selections = select(tracks, Thresholds(), None)
    split(tracks, selections, share, seed=0)
    held_out = sum(len(one.kept) for one in selections if one.split == "validation")
    filled = sum(size > 0 for size in sizes)
    assert held_out < max(1, sum(sizes))
    assert held_out > 0 or filled < 3
    assert abs(held_out - share * sum(sizes)) <= max(sizes)


def test_tracks_that_share_a_loop_share_a_split() -> None:
    rng = np.random.default_rng(0)
    marks = rng.normal(size=(8, 4, 64))
    marks /= np.linalg.norm(marks, axis=2, keepdims=True)
    marks[6, 0] = marks[1, 2]
    marks[4, 1] = marks[6, 3]
    tracks = [
        TrackAnalysis(sha256=f"{number:064x}", bar_numbers=[0, 1, 2, 3], fingerprints=rows.astype(np.float16))
        for number, rows in enumerate(marks)
    ]
    selections = select(tracks, Thresholds(), None)
    assert [len(one.kept) for one in selections] == [4, 4, 4, 4, 4, 4, 2, 4]
    plans = set()
    for seed in range(20):
        split(tracks, selections, 0.3, seed)
        assert len({selections[number].split for number in (1, 4, 6)}) == 1
        plans.add(tuple(one.split for one in selections))
    assert len(plans) > 3  # another seed, other tracks
