"""Loops judged against a dataset: what its report says, of sets that are too small or no music, too."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_music import RATE, play, sample, tempo

from fourfloor.evaluation.distance import kernel_distance, mean_distance
from fourfloor.evaluation.judging import evaluate
from fourfloor.evaluation.numbers import score_set
from fourfloor.evaluation.scorecard import Scorecard
from fourfloor.evaluation.sources import Sample
from fourfloor.ingestion import writing


@pytest.fixture(scope="module")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "dataset"
    with writing.DatasetWriter(out, bars=2, sample_rate=RATE, channels=1) as writer:
        for track in (*range(10), *range(20, 26)):
            number = writer.add_track(
                name=f"track {track}",
                path=f"{track}.wav",
                sha256=f"{track:064d}",
                bpm=tempo(track),
                split="validation" if track >= 20 else "train",
            )
            for part in range(2):
                writer.add_loop(
                    play(track, part, bars=2), track=number, bpm=tempo(track), features=np.zeros((1, 1), np.float16)
                )
        writer.finish()
    return out


def judge_loops(dataset: Path, tracks: range, part: int, **options: Any) -> Scorecard:
    loops = [sample(track, part, bars=2) for track in tracks]
    return evaluate(
        ([loop.name for loop in loops], [loop.waveform for loop in loops], [loop.bpm for loop in loops]),
        dataset,
        sample_rate=RATE,
        n=12,
        only=["A", "D", "H"],
        **options,
    )


def test_copies_are_not_new_and_the_report_shows_them(small_dataset: Path, tmp_path: Path) -> None:
    card = judge_loops(small_dataset, range(6), 0, out=tmp_path / "report")
    assert card.verdict["new"] is False
    assert "copying" in card.diagnosis
    content = json.loads((tmp_path / "report" / "scorecard.json").read_text())
    assert {"verdict", "numbers", "rows", "gates", "diagnosis", "n", "seed", "cutoff_hz"} <= set(content)
    assert set(content["verdict"]) == {"music", "in_style", "new"}
    assert content["rows"]["H"]["copies"] == 1.0
    page = (tmp_path / "report" / "scorecard.html").read_text()
    assert "flagged copies" in page
    assert page.count("data:audio/wav") >= 5
    for outside in ("http://", "https://", "<script", "url("):
        assert outside not in page
    assert (tmp_path / "report" / "scorecard.md").read_text().count("|") > 50


def test_new_loops_are_new_and_the_order_and_names_of_files_change_no_byte(small_dataset: Path) -> None:
    loops = [sample(track, bars=2) for track in range(40, 46)]
    texts = []
    for order in (range(6), range(5, -1, -1)):
        chosen = [loops[i] for i in order]
        names = [f"{'<b>' if i else ''}{loop.name}" for i, loop in enumerate(chosen)]
        card = evaluate(
            (names, [loop.waveform for loop in chosen], [loop.bpm for loop in chosen]),
            small_dataset,
            n=6,
            sample_rate=RATE,
            only=["A", "D"],
        )
        texts.append(card.to_json())
    assert card.numbers["copies"] == 0.0
    assert texts[0] == texts[1]


def test_a_dataset_that_is_not_music_is_not_anchored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with writing.DatasetWriter(tmp_path / "noise", bars=1, sample_rate=RATE, channels=1) as writer:
        for number in range(24):
            track = writer.add_track(
                name=f"{number}",
                path=f"{number}.wav",
                sha256=f"{number:064d}",
                bpm=120.0,
                split="validation" if number > 11 else "train",
            )
            noise = 0.1 * rng.standard_normal((1, 2 * RATE)).astype(np.float32)
            writer.add_loop(noise, track=track, bpm=120.0, features=np.zeros((1, 1), np.float16))
        writer.finish()
    loop = (["a"], [play(1, bpm=120.0, bars=1)], [120.0])
    notes: list[str] = []
    out = tmp_path / "report"
    card = evaluate(loop, tmp_path / "noise", n=4, only=["D"], sample_rate=RATE, out=out, on_note=notes.append)
    assert any("row A: sane" in reason or "row A: tempo" in reason for reason in card.broken)
    assert card.broken[-1] in notes[0]
    assert set(card.verdict.values()) == {None}
    assert {gate.passes for gate in card.gates.values()} == {None}
    assert "Verdict: none. The reference rows do not support one" in (out / "scorecard.md").read_text()


def test_a_dataset_that_holds_out_too_little_gives_numbers_at_once_and_no_verdict(
    dataset_folder: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    stages: list[tuple[float, float, str]] = []
    loop = (["a"], [play(1, bpm=120.0, bars=1)], [120.0])
    card = evaluate(
        loop, dataset_folder, out=tmp_path, sample_rate=RATE,
        on_progress=lambda done, total, text: stages.append((done, total, text)), on_note=notes.append,
    )  # fmt: skip
    need = "2 held-out loops of 1 track are too few: hold out at least 12 loops of 6 tracks, or 10 tracks to judge"
    assert need in notes[0]
    assert need in card.broken[0]
    assert list(card.rows) == ["A"]  # no other row can be relied on, and they take minutes
    assert np.isfinite(card.numbers["pulse"])
    content = json.loads((tmp_path / "scorecard.json").read_text())
    assert (content["anchored"], content["broken"]) == (False, card.broken)
    assert content["verdict"] == {"music": None, "in_style": None, "new": None}
    for name in ("scorecard.md", "scorecard.html"):
        assert "Verdict: none." in (tmp_path / name).read_text()
        assert need in (tmp_path / name).read_text()
    assert [text for _, _, text in stages][:1] == ["fingerprints of the training loops, 1 of 10"]
    assert stages[-1][2] == "loops to judge, 1 of 1"
    assert stages[-1][0] == pytest.approx(stages[-1][1])
    assert all(before[0] < after[0] for before, after in pairwise(stages))


def test_loops_are_heard_and_forgotten() -> None:
    def loops(n: int) -> Iterator[Sample]:
        for seed in range(n):
            waveform = np.random.default_rng(seed).standard_normal((2, 22_050)).astype(np.float32)
            yield Sample(waveform=waveform, sample_rate=RATE, bpm=120.0, bars=1, track=str(seed))

    def peak(n: int) -> int:
        tracemalloc.start()
        try:
            score_set(loops(n), 10_000.0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(4)  # what is made once, such as filters
    assert peak(90) - peak(10) < 4e6  # bytes; the waveforms of 80 loops would be 14 million


def test_many_loops_need_no_matrix_of_all_pairs() -> None:
    placed = np.random.default_rng(0).standard_normal((3000, 8)).astype(np.float32)
    tracks = [str(i) for i in range(3000)]
    tracemalloc.start()
    try:
        kernel_distance(placed[:2900], placed[2900:], 12.0, tracks[:2900], tracks[2900:])
        mean_distance(placed)
        assert tracemalloc.get_traced_memory()[1] < 70e6  # one matrix of all pairs: 72 MB
    finally:
        tracemalloc.stop()


def test_an_unusable_request_is_refused_in_one_line(small_dataset: Path) -> None:
    with pytest.raises(ValueError, match="no loops to judge"):
        evaluate([], small_dataset)
    with pytest.raises(ValueError, match="reference row Z is unknown: the rows are"):
        evaluate([], small_dataset, only=["Z"])
    with pytest.raises(ValueError, match="cannot be judged"):
        evaluate((["a"], [np.zeros((1, 0))], [120.0]), small_dataset)
