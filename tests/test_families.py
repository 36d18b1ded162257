"""The contract of a model family: what is missing is said in one line, before any training."""

from pathlib import Path
from types import ModuleType

import pytest

from fourfloor import models, recipe
from fourfloor.errors import FourfloorError

WHOLE = """
from dataclasses import dataclass
from torch import nn

@dataclass(frozen=True, kw_only=True)
class Config:
    width: int = 4

@dataclass(frozen=True, kw_only=True)
class Sampling:
    temperature: float = 1.0

class Model(nn.Module):
    def __init__(self, config, shape):
        super().__init__()
    def parameter_groups(self):
        return {"model": self.parameters()}
    def losses(self, batch, step):
        yield "model", batch["x"].mean(), {}
    def sample(self, n, conditions, sampling, rng, bars=4):
        return conditions["bpm"]
"""


def module_of(source: str) -> ModuleType:
    module = ModuleType("student")
    exec(source, vars(module))
    return module


def test_a_whole_family_lacks_nothing() -> None:
    assert models.missing_parts(module_of(WHOLE)) == []


@pytest.mark.parametrize("family", models.families())
def test_every_family_is_whole(family: str) -> None:
    module = models.family_module(family)
    assert models.is_generative(family) == (hasattr(module, "sample") or hasattr(module.Model, "sample"))
    assert issubclass(module.Model, models.Trainable)
    with pytest.raises(AttributeError):
        _ = module.Modell


@pytest.mark.parametrize(
    ("removed", "missing"),
    [
        ("class Config", "Config"),
        ("class Sampling", "Sampling"),
        ("def losses", "Model.losses"),
        ("def parameter_groups", "Model.parameter_groups"),
        ("def sample", "Model.sample"),
        ("class Model", "Model, a class"),
    ],
)
def test_what_a_family_lacks_is_named(removed: str, missing: str) -> None:
    lacking = models.missing_parts(module_of(WHOLE.replace(removed, removed[:-4] + "Other")))
    assert any(missing in part for part in lacking)


def test_a_recipe_of_a_family_that_is_not_whole_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "halfway.py").write_text(WHOLE.replace("def losses", "def loss"), encoding="utf-8")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    with pytest.raises(FourfloorError, match=r"halfway\.py: lacks Model\.losses; CONTRIBUTING"):
        recipe.parse({"representation": {"name": "waveform"}, "model": {"family": "halfway"}}, "mine.toml")
