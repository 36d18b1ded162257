"""`fourfloor evaluate`: what it prints, its exit codes, and what it says while it works."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from evaluation_music import RATE, play
from test_cli import run
from typer.testing import CliRunner

import fourfloor as ff
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.interfaces.cli import Settings, app


@pytest.fixture
def loops(tmp_path: Path) -> Path:
    folder = tmp_path / "loops"
    folder.mkdir()
    for track in (1, 2):
        soundfile.write(folder / f"{track}.wav", play(track, bpm=120.0, bars=1).T, RATE)
    return folder


def test_without_enough_held_out_tracks_there_are_numbers_a_report_and_exit_code_3(
    loops: Path, dataset_folder: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    arguments = ("evaluate", loops, "--against", dataset_folder, "--out", tmp_path / "report")
    code, out, err = run(capsys, monkeypatch, *arguments, "--json")
    assert code == 3
    content = json.loads(out)
    assert content["anchored"] is False
    assert content["n"] == 2
    assert content == json.loads((tmp_path / "report" / "scorecard.json").read_text())
    first, last = err.splitlines()  # the first one before the work
    assert first == (
        f"{dataset_folder}: 2 held-out loops of 1 track are too few: hold out at least 12 loops of 6 tracks, or 10 "
        "tracks to judge the style as well; there will be numbers, and no verdict"
    )
    assert last.startswith(f"fourfloor: {dataset_folder}: no verdict: 2 held-out loops of 1 track are too few")


def test_loops_of_a_length_that_no_model_makes_are_refused_before_the_work(tmp_path: Path, capsys, monkeypatch) -> None:
    with DatasetWriter(tmp_path / "three", bars=3) as writer:
        for split in ("train", "validation"):
            track = writer.add_track(name=split, path=split, sha256=split[0] * 64, bpm=120.0, split=split)
            writer.add_loop(np.full((2, 264_600), 0.1, np.float32), track=track, bpm=120.0)
        writer.finish()
    code, out, err = run(capsys, monkeypatch, "evaluate", "warehouse", "--against", tmp_path / "three", "--count", 1)
    assert (code, out) == (2, "")
    assert err == (
        f"fourfloor: {tmp_path / 'three'}: has loops of 3 bars, models generate 1, 2, 4, 8; make the dataset again\n"
    )


def test_a_dataset_that_cannot_judge_is_refused_before_the_work(
    loops: Path, tmp_path: Path, make_small_dataset, capsys, monkeypatch
) -> None:
    for splits, told in (
        ("ttt", "holds no track for testing; make it again with more tracks"),
        ("ttv", "2 training loops are too few"),
    ):
        data = make_small_dataset(tmp_path / splits, splits)
        code, out, err = run(capsys, monkeypatch, "evaluate", loops, "--against", data)
        assert (code, out) == (2, "")
        assert told in err
        assert err.count("\n") == 1


def test_files_that_hold_no_loop_are_left_out_and_summed_up(
    loops: Path, dataset_folder: Path, capsys, monkeypatch
) -> None:
    soundfile.write(loops / "long.wav", np.zeros(8_000 * 400), 8_000)
    soundfile.write(loops / "nothing.wav", np.zeros(0), 8_000)
    for number in range(50):
        (loops / f"{number}.flac").write_bytes(b"not music" * 20)
    code, out, _ = run(capsys, monkeypatch, "evaluate", loops, "--against", dataset_folder)
    assert code == 3
    notes = [line for line in out.splitlines() if "left out" in line]
    assert len(notes) <= 5
    assert any("49 more like this, such as 1.flac, 10.flac" in note for note in notes)
    assert any("long.wav: lasts 400 s, a loop at most" in note for note in notes)
    assert any("nothing.wav: " in note for note in notes)
    for good in ("1.wav", "2.wav"):
        (loops / good).unlink()
    code, out, err = run(capsys, monkeypatch, "evaluate", loops, "--against", dataset_folder)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("fourfloor: no loop to score: ")
    assert len(err) < 1000


def test_what_weakens_a_verdict_is_said(loops: Path, dataset_folder: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    soundfile.write(loops / "silence.wav", np.zeros(48_000), 24_000)
    report = tmp_path / "report"
    code, out, err = run(capsys, monkeypatch, "evaluate", loops, "--against", dataset_folder, "--out", report)
    assert code == 3
    assert f"Next: open {report / 'scorecard.html'} in a browser\n" in err
    assert (report / "scorecard.html").exists()
    for note in (
        "Note: 3 loops: style distance and diversity need 32.",
        "Note: 1 held-out track: style distance cannot be judged with fewer than 10.",
        "Note: 1 of 3 loops are silent.",
        "Note: the loops have several sample rates: all are compared below one cutoff.",
    ):
        assert note in out
    assert "all rows below 9922.5 Hz" in out  # 0.45 of the lowest rate


def test_a_track_in_both_splits_is_refused(
    loops: Path, tmp_path: Path, make_small_dataset, capsys, monkeypatch
) -> None:
    data = make_small_dataset(tmp_path / "twice", "ttv", sha256="0" * 64)
    code, out, err = run(capsys, monkeypatch, "evaluate", loops, "--against", data)
    assert (code, out) == (2, "")
    assert "a track is in training and in validation" in err


@pytest.fixture
def make_small_dataset():
    from fourfloor.ingestion.writing import DatasetWriter

    def make(out: Path, splits: str, sha256: str = "") -> Path:
        with DatasetWriter(out, bars=1, sample_rate=RATE, channels=1) as writer:
            for number, letter in enumerate(splits):
                track = writer.add_track(
                    name=f"{number}", path=f"{number}.wav", sha256=sha256 or f"{number:064d}", bpm=120.0,
                    split={"t": "train", "v": "validation"}[letter],
                )  # fmt: skip
                writer.add_loop(play(number, bpm=120.0, bars=1), track=track, bpm=120.0)
            writer.finish()
        return out

    return make


@pytest.mark.parametrize(("options", "n"), [(["--count", "7"], 7), (["--n", "7"], 7), ([], 256)])
def test_the_former_name_of_count_still_works(options: list[str], n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def evaluate(loops: str, **others: Any) -> None:
        asked.update(others)
        raise FourfloorError("stop")

    monkeypatch.setattr(ff, "evaluate", evaluate)
    result = CliRunner().invoke(app, ["evaluate", "loops", "--against", "data", *options], obj=Settings())
    assert isinstance(result.exception, FourfloorError)
    assert asked["n"] == n
