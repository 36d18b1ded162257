"""What ingest says of its tracks: names that no two share, and every repair, on the screen and in JSON."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import house_loop

from fourfloor.copies.passages import training_passages
from fourfloor.dataset import Dataset
from fourfloor.ingestion.folder import IngestReport, TrackReport
from fourfloor.ingestion.naming import track_names
from fourfloor.ingestion.report import RejectedFile
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.interfaces.show import ingest_table

TRACK = TrackReport(
    file="a.flac", bpm=126.0, confidence=0.9, downbeat_seconds=0.1, loops=3, dropped={"silence": 1}, seconds=18.6,
    split="train", repairs=[], meter="4/4", drift_ms=0.0, grid="steady",
)  # fmt: skip


@pytest.mark.parametrize(
    ("paths", "sources", "names"),
    [
        (["disc1/01.wav", "disc1/02.wav"], ["disc1"], ["01.wav", "02.wav"]),
        (["disc1/01.wav", "disc2/01.wav", "disc2/02.wav"], ["disc1", "disc2"],
         ["disc1/01.wav", "disc2/01.wav", "02.wav"]),
        (["x/cd/01.wav", "y/cd/01.wav"], ["x/cd/01.wav", "y/cd/01.wav"], ["x/cd/01.wav", "y/cd/01.wav"]),
        (["m/a/1.wav", "a/1.wav"], ["a", "m"], ["a/1.wav", "1.wav"]),
        (["m/a/1.wav", "a/1.wav", "b/1.wav"], ["a", "b", "m"], ["m/a/1.wav", "here/a/1.wav", "b/1.wav"]),
        (["m/a/1.wav"], ["m", "m/a"], ["a/1.wav"]),
    ],
)  # fmt: skip
def test_no_two_tracks_have_one_name(paths, sources, names, monkeypatch) -> None:
    monkeypatch.setattr("os.getcwd", lambda: "/here")
    assert track_names([Path(path) for path in paths], [Path(source) for source in sources]) == names


def report(*tracks: TrackReport) -> IngestReport:
    none: Any = None
    return IngestReport(catalogue=none, tracks=list(tracks), rejected=[])


def test_repairs_are_said_on_the_screen_and_in_json(capsys) -> None:
    cut = replace(TRACK, file="b.flac", repairs=["cut short: 18.60 s of 31.00 s claimed"])
    ingest_table(report(TRACK, cut), Path("d"))
    assert "note: b.flac: cut short: 18.60 s of 31.00 s claimed\n" in capsys.readouterr().out
    rows = report(TRACK, cut).to_json()["tracks"]
    assert [row["repairs"] for row in rows] == [[], ["cut short: 18.60 s of 31.00 s claimed"]]


def test_many_files_with_one_fault_are_a_few_lines(capsys) -> None:
    none: Any = None
    bad = [RejectedFile(file=f"m/{n}.m4a", reason=f"is AAC; run: ffmpeg -i {n}.m4a") for n in range(1500)]
    bad += [RejectedFile(file=f"m/{n}.wav", reason=f"{n} kinds of trouble: ask {n}") for n in range(3)]
    cut = [replace(TRACK, file=f"{n}.flac", repairs=[f"cut short: {n}.5 s"]) for n in range(100)]
    ingest_table(IngestReport(catalogue=none, tracks=cut, rejected=bad), Path("d"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("note", "rejected"))]
    assert lines == [
        "note: 0.flac: cut short: 0.5 s; 99 more like this, such as 1.flac, 2.flac",
        f"note: {Path('d/catalogue.json')} lists all 100",
        "rejected: m/0.m4a: is AAC; run: ffmpeg -i 0.m4a; 1499 more like this, such as 1.m4a, 2.m4a",
        "rejected: m/0.wav: 0 kinds of trouble: ask 0; 2 more like this, such as 1.wav, 2.wav",
        f"rejected: {Path('d/catalogue.json')} lists all 1503",
    ]


def test_long_names_with_one_end_stay_apart_in_the_table(capsys) -> None:
    end = "a" * 50 + ".wav"
    ingest_table(report(*(replace(TRACK, file=f"disc{number}/{end}") for number in (1, 2))), Path("d"))
    shown = capsys.readouterr().out
    assert f"disc1/{end}" in shown
    assert f"disc2/{end}" in shown


def test_tracks_of_two_datasets_with_one_name_stay_apart_as_nearest_prints_them(tmp_path) -> None:
    folders = [tmp_path / "disc1" / "data", tmp_path / "disc2" / "data"]
    for number, folder in enumerate(folders):
        folder.parent.mkdir()
        with DatasetWriter(folder, bars=1) as writer:
            for name in ("01.wav", f"{number}.wav"):
                track = writer.add_track(name=name, path=name, sha256="0" * 64, bpm=126.0)
                writer.add_loop(house_loop(seed=number), track=track, bpm=126.0)
            writer.finish()
    dataset = Dataset(folders)
    names = ["disc1/data/01.wav", "0.wav", "disc2/data/01.wav", "1.wav"]
    assert [dataset.name(index) for index in range(4)] == names
    assert [passage.name for passage in training_passages(dataset)] == names
    assert [Dataset([folders[1]] * 2).name(index) for index in range(4)] == ["01.wav", "1.wav"] * 2
