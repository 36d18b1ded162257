"""An index in several files: searched as one, extended part by part, and refused in one line where a part is not."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from evaluation_music import RATE, play, tempo

import fourfloor as ff
from fourfloor import loading
from fourfloor.copies import fingerprints, parts
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import Passage, training_passages
from fourfloor.dataset import Dataset
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.scores import usual_range


def passage(track: int) -> Passage:
    return Passage(
        name=f"track {track}", waveform=play(track), sample_rate=RATE, bpm=tempo(track), closed=track % 3 > 0
    )


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_FRAMES", 450)  # two of these loops, or one track of the dataset


@pytest.fixture(scope="module")
def envelope(dataset_folder: Path) -> Envelope:
    return usual_range(Dataset([dataset_folder]))


def write(folder: Path, data: Path, envelope: Envelope, parent: Path | None = None) -> fingerprints.Fingerprints:
    before = fingerprints.load(parent) if parent else None
    folder.mkdir(exist_ok=True)
    fingerprints.write(folder, Dataset([data]), lambda dataset, on_loop: envelope, before)
    return fingerprints.load(folder)


def test_parts_are_searched_as_one_index() -> None:
    apart = CopyIndex.of_parts(list(parts.parts_of(map(passage, range(9)))))
    assert len(apart.parts) == 5
    whole = CopyIndex.of(map(passage, range(9)))
    assert len(apart.table) == len(whole.table) == 9
    for track in (0, 4, 8, 20):
        ours, theirs = (index.search(play(track), RATE, tempo(track)) for index in (apart, whole))
        assert (ours.track, ours.semitones, ours.speed) == (theirs.track, theirs.semitones, theirs.speed)
        assert ours.score == pytest.approx(theirs.score, abs=1e-6)
        assert (ours.track == f"track {track}") == (track < 9)


def test_the_pairs_of_parts_are_those_of_one_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell is looked through part by part, so that parts in order give the windows of one index in order."""
    several = list(parts.parts_of(map(passage, range(6))))
    joined = several[0]
    for part in several[1:]:
        joined = joined.joined(part)
    queries = joined.postings.descriptions[::7].astype(np.float32) / 127
    for pairs in (50, 100_000):
        ours, theirs = (index._search._cells.near(queries, pairs) for index in (CopyIndex.of_parts(several), joined))
        assert len(ours.windows) > 49
        for mine, other in zip(ours, theirs, strict=True):
            assert np.array_equal(mine, other)


def test_a_description_that_would_be_too_long_begins_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_FRAMES", 10**9)
    assert len(list(parts.parts_of(map(passage, range(3))))) == 1
    monkeypatch.setattr(parts, "PART_TEXT", 100)
    assert len(list(parts.parts_of(map(passage, range(3))))) == 2


def test_more_music_than_a_file_holds_lies_in_several(
    tmp_path: Path, dataset_folder: Path, envelope: Envelope, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = write(tmp_path / "parts", dataset_folder, envelope)
    assert len(kept.index.parts) == 5  # two loops of a track follow each other
    assert sorted(os.listdir(tmp_path / "parts")) == sorted(
        name for number in range(5) for name in fingerprints.part_files(number)
    )
    assert all(isinstance(part.postings.descriptions, np.memmap) for part in kept.index.parts)
    monkeypatch.setattr(parts, "PART_FRAMES", 10**9)
    whole = write(tmp_path / "whole", dataset_folder, envelope)
    assert sorted(kept.index.table.rows()) == sorted(whole.index.table.rows())
    assert (kept.envelope, kept.data_hash) == (whole.envelope, whole.data_hash)
    loop = np.roll(Dataset([dataset_folder]).waveform(6), 5_000, axis=1)
    ours, theirs = (read.index.search(loop, 44_100, 126.0) for read in (kept, whole))
    assert ours.track == theirs.track == "track 3"
    assert ours.score == pytest.approx(theirs.score, abs=1e-6)
    write(tmp_path / "parts", Path(dataset_folder), envelope)  # of the same data: kept as it is
    (tmp_path / "parts" / fingerprints.ABOUT).unlink()
    write(tmp_path / "parts", dataset_folder, envelope)
    assert sorted(os.listdir(tmp_path / "parts")) == sorted(fingerprints.part_files(0))


def test_fine_tuning_adds_parts_and_keeps_those_that_are_full(
    tmp_path: Path, dataset_folder: Path, truth_folder: Path, envelope: Envelope
) -> None:
    parent = write(tmp_path / "parent", dataset_folder, envelope)
    tuned = write(tmp_path / "tuned", truth_folder, envelope, tmp_path / "parent")
    new = len(list(training_passages(Dataset([truth_folder]))))
    assert len(tuned.index.table) == len(parent.index.table) + new
    assert tuned.data_hash == f"{parent.data_hash}>{Dataset([truth_folder]).data_hash}"
    again = write(tmp_path / "again", dataset_folder, envelope, tmp_path / "tuned")  # the same music counts once
    assert sorted(again.index.table.rows()) == sorted(tuned.index.table.rows())
    full = [(tmp_path / "parent" / fingerprints.part_files(number)[0]).read_bytes() for number in range(5)]
    kept = {path.read_bytes() for path in (tmp_path / "tuned").glob("reference*.safetensors")}
    assert len(kept.intersection(full)) >= 4


def test_parts_that_were_analyzed_differently_are_refused(dataset_folder: Path) -> None:
    other = CopyIndex.of([passage(1)], 2000.0)
    with pytest.raises(FourfloorError, match="cannot be joined"):
        list(parts.parts_of([passage(2)], other))


@pytest.fixture
def model(tmp_path: Path, trained_runs: dict[str, Path], dataset_folder: Path, envelope: Envelope) -> Path:
    """Return a run whose fingerprints lie in five parts."""
    runs = tmp_path / "runs"
    for name in ("decoder", "prior"):
        (runs / name).mkdir(parents=True)
        for path in trained_runs[name].iterdir():
            if not path.name.startswith(("reference", "cells")):
                (runs / name / path.name).symlink_to(path)
    write(runs / "prior", dataset_folder, envelope)
    return runs / "prior"


def test_generate_and_export_use_all_parts(model: Path, tmp_path: Path) -> None:
    assert ff.load(model).generate(bars=1, seed=3, redraws=0).copy.track.startswith("track ")
    reference = ff.load(model).reference()
    assert len(reference.index.parts) == 5
    fingerprints.copy(model, tmp_path / "runs")
    assert len(fingerprints.load(tmp_path / "runs").index.parts) == 5


def test_a_model_folder_may_hold_all_parts() -> None:
    names = {name for number in range(fingerprints.MAX_PARTS) for name in fingerprints.part_files(number)}
    assert names < loading.POSSIBLE_FILES
    assert loading.MODEL_FILES < loading.POSSIBLE_FILES


@pytest.mark.parametrize("name", fingerprints.part_files(2))
@pytest.mark.parametrize("change", ["missing", "damaged", "another"])
def test_a_part_that_is_not_right_is_one_line(
    tmp_path: Path, dataset_folder: Path, envelope: Envelope, name: str, change: str
) -> None:
    write(tmp_path, dataset_folder, envelope)
    path = tmp_path / name
    if change == "missing":
        path.unlink()
        if path.name.startswith("cells"):  # made again, as for models of earlier versions
            assert len(fingerprints.load(tmp_path).index.table) == 5
            return
    elif change == "damaged":
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes((tmp_path / name.replace("2", "1")).read_bytes())
    with pytest.raises(FourfloorError, match=r"its reference to the training set cannot be read") as caught:
        fingerprints.load(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [3, "x", [1], ["a"] * 300, [None] * 4, ["0" * 64] * 4])
def test_a_list_of_parts_that_is_none_is_one_line(
    tmp_path: Path, dataset_folder: Path, envelope: Envelope, value: object
) -> None:
    write(tmp_path, dataset_folder, envelope)
    path = tmp_path / fingerprints.ABOUT
    path.write_text(json.dumps(json.loads(path.read_text()) | {"parts": value}))
    with pytest.raises(FourfloorError, match=r"its reference to the training set cannot be read"):
        fingerprints.load(tmp_path)
