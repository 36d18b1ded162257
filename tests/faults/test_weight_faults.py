"""Weights that are whole but wrong: finite and absurd, of the wrong type, or without what a style needs."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fourfloor import generation, loading, rebuilding
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.training import checkpoint
from fourfloor.training.checkpoint import CheckpointError


@pytest.fixture(scope="module")
def model(trained_runs: dict[str, Path]) -> loading.LoopModel:
    return loading.load_model(str(trained_runs["prior"]))


def with_weights(trained: loading.Trained, value: float) -> loading.Trained:
    """Return a model whose every weight is a finite value that makes no sense."""
    absurd = copy.deepcopy(trained.model)
    for name, weight in absurd.state_dict().items():
        if not name.startswith("levels."):
            weight.fill_(value)
    return replace(trained, model=absurd)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [65504.0, -65504.0, 1e30])
@pytest.mark.parametrize("half", ["prior", "decoder"])
def test_weights_that_make_no_sound_name_their_model(model: loading.LoopModel, half: str, value: float) -> None:
    changed: dict[str, Any] = {half: with_weights(getattr(model, half), value)}
    absurd = replace(model, **changed)
    with pytest.raises(FourfloorError, match="produce values that are not audio") as caught:
        generation.make_loop(absurd, Request(bars=1))
    assert str(caught.value).startswith(f"{getattr(model, half).source}: ")


@pytest.mark.parametrize(
    ("buffer", "value"), [("style", 65504.0), ("style", 0.5), ("style", 3.0), ("share", -1.0), ("spread", -1.0)]
)
def test_outlines_that_cannot_be_are_refused(trained_runs: dict[str, Path], buffer: str, value: float) -> None:
    saved = checkpoint.load_latest(trained_runs["prior"])
    saved.tensors[f"ema/levels.{buffer}"].fill_(value)
    with pytest.raises(CheckpointError, match=r"prior: .*outlines"):
        rebuilding.rebuild(saved, trained_runs["prior"])


@pytest.mark.parametrize("damage", [lambda codec: codec.fill_(0), lambda codec: codec.fill_(float("nan"))])
def test_a_codec_that_does_not_undo_itself_is_refused(trained_runs: dict[str, Path], damage: Callable) -> None:
    saved = checkpoint.load_latest(trained_runs["prior"])
    damage(saved.tensors["constants/decode"])
    with pytest.raises(CheckpointError, match=r"prior: .*(does not undo|not finite)"):
        rebuilding.rebuild(saved, trained_runs["prior"])


def test_a_style_without_an_outline_is_refused(model: loading.LoopModel) -> None:
    silent: Any = copy.deepcopy(model.prior.model)
    silent.levels.style[silent.levels.style == 2] = 1
    prior = replace(model.prior, model=silent)
    assert prior.vocabulary == ["house", "techno"]
    assert prior.styles == ["house"]
    with pytest.raises(FourfloorError, match=r"'techno' was in its training data, but in no loop .*: use one of house"):
        generation.style_number(prior, "techno")


@pytest.mark.parametrize("kind", [torch.int8, torch.float64, torch.int32, torch.complex64])
def test_weights_of_a_type_that_is_never_written_are_refused(trained_runs: dict[str, Path], kind: torch.dtype) -> None:
    saved = checkpoint.load_latest(trained_runs["prior"])
    saved.tensors["ema/embed.weight"] = saved.tensors["ema/embed.weight"].to(kind)
    with pytest.raises(CheckpointError, match=r"prior: .*a weight of type"):
        rebuilding.rebuild(saved, trained_runs["prior"])


def test_a_scale_that_would_be_spread_over_all_rows_is_refused(trained_runs: dict[str, Path]) -> None:
    saved = checkpoint.load_latest(trained_runs["prior"])
    saved.tensors["ema/embed.weight"] = saved.tensors["ema/embed.weight"].to(torch.int8)
    saved.tensors["scales/embed.weight"] = torch.ones(1)
    with pytest.raises(CheckpointError, match=r"prior: .*a weight of type"):
        rebuilding.rebuild(saved, trained_runs["prior"])


def test_a_model_that_lacks_what_its_recipe_asks_for_says_so(
    trained_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loading.load_model(str(trained_runs["prior"]))
    assert caplog.messages == []  # a network of so few blocks has no guess to lack
    monkeypatch.setattr("fourfloor.models.flow.EARLY_BLOCKS", 0)
    loading.load_model(str(trained_runs["prior"]))
    (told,) = caplog.messages
    assert told.startswith(f"{trained_runs['prior']}: lacks the guess that autoguidance needs, ")


def test_the_models_of_the_package_lack_nothing_and_are_sealed_in_both_halves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in loading.bundled_names():
        loading.load_model(name)
        for part in (loading.PRIOR_FILE, loading.DECODER_FILE):
            assert checkpoint.describe(loading.bundled_folder(name) / part)["format"] == checkpoint.FORMAT
    assert caplog.messages == []


def test_tensors_that_are_too_large_are_refused_before_they_are_read(
    trained_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained_runs["prior"], tmp_path / "prior"))
    (path,) = (run / "checkpoints").glob("*.safetensors")
    with open(path, "r+b") as file:
        file.truncate(10**12)  # a sparse file takes no room
    with pytest.raises(CheckpointError, match=rf"{path}: its tensors take more than \d+ bytes"):
        loading.load_trained(run)
