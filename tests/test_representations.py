"""The contract of a representation: what a module lacks is said in one line, before any training."""

import inspect
from pathlib import Path

import pytest

from fourfloor import recipe, representations
from fourfloor.errors import FourfloorError
from fourfloor.representations import Audible, Limited, Representation, representation_module

NAMES = ("latent", "magnitude", "spectrogram", "waveform")
HALFWAY = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    size: int = 4

def batch(loops, codec, config, split, size, rng):
    return {}

def decode(x, codec, config, bpm, bars, rng):
    return x
"""


@pytest.mark.parametrize("name", NAMES)
def test_every_representation_takes_what_its_contract_says(name: str) -> None:
    module = representation_module(name)
    for contract in (Representation, Audible, Limited):
        if not isinstance(module, contract):
            assert contract is not Representation
            continue
        for part, declared in vars(contract).items():
            if inspect.isfunction(declared) and not part.startswith("_"):
                expected = [parameter for parameter in inspect.signature(declared).parameters if parameter != "self"]
                assert list(inspect.signature(getattr(module, part)).parameters) == expected


def test_what_becomes_sound_alone_needs_no_decoder() -> None:
    needing = [name for name in NAMES if representations.needs_decoder(name)]
    assert needing == ["latent", "magnitude"]


def test_a_module_beside_the_representations_is_none() -> None:
    with pytest.raises(FourfloorError, match="'low_end' is unknown: use one of latent, magnitude, score, "):
        representation_module("low_end")


def test_a_representation_that_is_not_whole_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "halfway.py").write_text(HALFWAY, encoding="utf-8")
    monkeypatch.setattr(representations, "__path__", [*representations.__path__, str(tmp_path)])
    with pytest.raises(FourfloorError, match=r"halfway\.py: lacks Codec, check_loops, fit, check, shape, count; "):
        recipe.parse({"representation": {"name": "halfway"}, "model": {"family": "wavegan"}}, "mine.toml")
