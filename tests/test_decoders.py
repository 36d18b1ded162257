"""Which decoder a prior is heard with: its neighbors come, go and break, and an old command still works."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from fourfloor import decoders, loading
from fourfloor.errors import FourfloorError
from fourfloor.training import checkpoint


@pytest.fixture
def runs(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_runs["prior"].parent, tmp_path / "runs"))


def trained_for(run: Path, seconds: float) -> None:
    saved = checkpoint.load_latest(run)
    checkpoint.save(run, saved.step, saved.tensors, saved.meta | {"elapsed": seconds})


def break_weights(run: Path) -> None:
    """Cut the weights in the middle, the header and the codec's place in it being whole."""
    for path in (run / "checkpoints").glob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)


def decoder_of(name: str) -> loading.Trained:
    decoder = loading.load_model(name).decoder
    assert decoder is not None
    return decoder


def test_the_one_trained_for_longer_is_taken_and_named(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(runs / "decoder", runs / "another")
    trained_for(runs / "decoder", 100.0)
    trained_for(runs / "another", 1.0)
    with caplog.at_level(logging.WARNING):
        assert decoder_of(str(runs / "prior")).source == runs / "decoder"
    assert "which was trained longer than another; choose another with --decoder" in caplog.text
    trained_for(runs / "another", 101.0)
    assert decoder_of(str(runs / "prior")).source == runs / "another"


def test_new_and_broken_neighbors_change_nothing(runs: Path) -> None:
    (runs / "begun" / "checkpoints").mkdir(parents=True)
    (runs / "empty").mkdir()
    (runs / "file").write_text("no run")
    (runs / "odd" / "checkpoints").mkdir(parents=True)
    (runs / "odd" / "checkpoints" / "step-00000001.json").write_text("[" * 100_000)
    (runs / "gone").symlink_to(runs / "nowhere")
    shutil.copytree(runs / "decoder", runs / "bare")
    for path in (runs / "bare" / "checkpoints").glob("*.safetensors"):
        path.unlink()
    shutil.copytree(runs / "prior", runs / "other prior")
    assert decoder_of(str(runs / "prior")).source == runs / "decoder"


def test_a_damaged_decoder_gives_way_to_a_whole_one_and_is_named(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(runs / "decoder", runs / "whole")
    trained_for(runs / "decoder", 100.0)
    trained_for(runs / "whole", 1.0)
    break_weights(runs / "decoder")
    with caplog.at_level(logging.WARNING):
        assert decoder_of(str(runs / "prior")).source == runs / "whole"
    assert "is damaged" in caplog.text
    break_weights(runs / "whole")
    with pytest.raises(FourfloorError, match=r"prior: the only decoders with its codec are damaged .*whole.*--decoder"):
        loading.load_model(str(runs / "prior"))


def test_no_other_run_is_read(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(runs / "decoder", runs / "shorter")
    trained_for(runs / "decoder", 100.0)
    trained_for(runs / "shorter", 1.0)
    read: list[str] = []
    load = checkpoint.load

    def noted(path: Path, *more: Any) -> checkpoint.Checkpoint:
        read.append(path.parents[1].name)
        return load(path, *more)

    monkeypatch.setattr(checkpoint, "load", noted)
    loading.load_model(str(runs / "prior"))
    assert read == ["prior", "decoder"]


def test_the_codec_of_a_header_is_that_of_the_model(runs: Path) -> None:
    description = checkpoint.descriptions(runs / "decoder")[0]
    assert decoders._codec_of(description) == loading.load_trained(runs / "decoder").codec_hash
    assert json.loads(description.read_text())["step"] == 3
