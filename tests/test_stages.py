"""Stages: a part of a model trained alone, and what a model says of all the stages that made it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fourfloor import stages
from fourfloor.errors import FourfloorError
from fourfloor.training import loop
from fourfloor.training.config import Budget, Config


class TwoParts(nn.Module):
    """Two matrices, each with a loss; it measures something before the first step and before use."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.bass = nn.Linear(3, 1), nn.Linear(3, 1)
        self.register_buffer("measured", torch.zeros(()))

    def parameter_groups(self):
        return {"body": self.body.parameters(), "bass": self.bass.parameters()}

    def losses(self, batch, step):
        for name in ("body", "bass"):
            yield name, getattr(self, name)(batch["x"]).square().mean(), {}

    def prepare(self, batches):
        self.get_buffer("measured").add_(1)

    def calibrate(self, batches, rng):
        self.get_buffer("measured").add_(1)


def train(run: Path, only: str, optimizer: str = "adamw") -> tuple[dict, dict]:
    """Return the weights before and after three steps."""
    (run / "checkpoints").mkdir(parents=True)
    torch.manual_seed(1)
    model = TwoParts()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = Config(batch_size=4, precision="fp32", only=only, optimizer=optimizer)  # type: ignore[arg-type]
    task = loop.Task(
        model=model, config=config, run=run, meta={},
        batches=lambda split, size, rng: {"x": rng.standard_normal((size, 3)).astype(np.float32)},
    )  # fmt: skip
    return before, loop.train(task, Budget(steps=3)).ema.state_dict()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_part_trained_alone_leaves_all_the_rest_bit_for_bit(tmp_path: Path, optimizer: str) -> None:
    before, after = train(tmp_path / "run", "bass", optimizer)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"bass.weight", "bass.bias"}


def test_without_it_all_parts_move_and_measure(tmp_path: Path) -> None:
    before, after = train(tmp_path / "run", "")
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_a_part_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match=r"'bas': the model has no such part; choose one of body, bass"):
        train(tmp_path / "run", "bas")


PARENT = {
    "recipe": {"model": {"family": "flow"}, "training": {"only": ""}}, "recipe_name": "prior", "step": 300,
    "elapsed": 90.0, "data_hash": "abc+def", "commit": "0123456789ab",
}  # fmt: skip


def test_a_model_tells_every_training_that_made_it() -> None:
    tuned = {
        **PARENT, "recipe": {"model": {"family": "flow"}, "training": {"only": "bass"}}, "recipe_name": "adapt",
        "step": 20, "data_hash": "xyz", "commit": None, "stages": stages.earlier(PARENT),
    }  # fmt: skip
    told = stages.stages_of({**tuned, "stages": stages.earlier(PARENT)})
    assert [(stage.recipe, stage.only, stage.steps, stage.data_hash, stage.commit) for stage in told] == [
        ("prior", "", 300, "abc+def", "0123456789ab"), ("adapt", "bass", 20, "xyz", None)
    ]  # fmt: skip
    assert [stage["recipe"] for stage in stages.earlier(tuned)] == ["prior", "adapt"]
    assert stages.are_sound(stages.earlier(tuned))


def test_of_a_model_from_before_the_family_stands_for_the_recipe() -> None:
    old = {key: value for key, value in PARENT.items() if key not in ("recipe_name", "commit")}
    assert [(stage.recipe, stage.commit) for stage in stages.stages_of(old)] == [("flow", None)]


@pytest.mark.parametrize("change", [{"steps": -1}, {"steps": "3"}, {"recipe": "a\x1b[31m"}, {"commit": 5}, {"more": 1}])
def test_a_damaged_stage_is_not_believed(change: dict) -> None:
    (stage,) = stages.earlier(PARENT)
    assert not stages.are_sound([{**stage, **change}])


def test_a_run_says_which_recipe_data_and_code_made_it(trained_runs: dict[str, Path]) -> None:
    from fourfloor import api

    (run,) = [row for row in api.list_models([trained_runs["prior"].parent]).models if row.name == "prior"]
    ((stage,),) = run.stages
    assert (stage.recipe, stage.steps, stage.commit) == ("prior", 3, stages.code_commit())
