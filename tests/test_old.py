"""What the version before wrote is still read: a dataset of schema 1, a run and a model folder of format 1.

tests/old/format-1.tar.xz holds them as that version made them: four loops of clicks and squares, two steps of
`seed/autoencoder-1` with 256 samples, and its export.
"""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fourfloor import api, loading
from fourfloor.dataset import Dataset
from fourfloor.ingestion.schema import SCHEMA
from fourfloor.training import checkpoint

ARCHIVE = Path(__file__).parent / "old" / "format-1.tar.xz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_what_is_kept_is_of_the_version_before(old: Path) -> None:
    assert json.loads((old / "data" / "catalogue.json").read_bytes())["schema"] == SCHEMA - 1
    for description in (*old.glob("runs/tiny/checkpoints/*.json"), old / "models" / "tiny" / "prior.json"):
        assert json.loads(description.read_bytes())["format"] == checkpoint.FORMAT - 1
    assert ARCHIVE.stat().st_size < 150_000


def test_an_old_dataset_is_read(old: Path) -> None:
    dataset = Dataset([old / "data"])
    assert [dataset.bpm(index) for index in range(len(dataset))] == [170.0, 170.0, 180.0, 180.0]
    assert [dataset.split(index) for index in range(len(dataset))] == ["train", "train", "validation", "validation"]
    assert dataset.styles() == ["techno"]
    loop = dataset.waveform(3)
    assert loop.shape == (2, 58_800)
    assert 0.4 < np.abs(loop).max() < 0.8  # kick and bass
    assert np.abs(loop[:, 3600:6900]).max() == 0  # between them


def test_an_old_run_is_resumed_and_generates(old: Path) -> None:
    request = api.TrainRequest(
        recipe=old / "runs" / "tiny" / "recipe.toml", data=[old / "data"], run=old / "runs" / "tiny", steps=3,
        resume=True, device="cpu",
    )  # fmt: skip
    assert api.train(request).steps == 3
    written = json.loads(next((old / "runs" / "tiny" / "checkpoints").glob("step-00000003.json")).read_bytes())
    assert written["format"] == checkpoint.FORMAT


@pytest.mark.parametrize("model", ["runs/tiny", "models/tiny"])
def test_an_old_model_generates(old: Path, model: str) -> None:
    assert loading.load_model(str(old / model)).prior.recipe.family == "autoencoder"
    made = api.load(str(old / model)).generate(bpm=170.0, bars=1, redraws=0)
    assert made.waveform.shape == (2, 62_259)
    assert made.save(old / "loop.wav").stat().st_size > 6 * 62_259


def test_an_old_model_is_listed(old: Path) -> None:
    found = api.list_models([old / "runs", old / "models"])
    assert {(row.name, row.kind) for row in found.models} == {
        ("warehouse", "package"), ("tiny", "run"), ("tiny", "folder"),
    }  # fmt: skip
    assert found.unreadable == ()
