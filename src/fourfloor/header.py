"""What the JSON half of a checkpoint says of a model, checked before any weight is read or anything is allocated."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fourfloor import recipe, stages
from fourfloor.errors import FourfloorError
from fourfloor.models import is_generative, learns_controls, max_styles
from fourfloor.reading import open_file
from fourfloor.representations import representation_module
from fourfloor.representations.controls import is_scale
from fourfloor.training.checkpoint import CheckpointError

MAX_BYTES = 2**24  # of a JSON half: a training checkpoint of the largest recipe has 100 kB
MAX_STYLES = 4096  # of a family that sets no limit of its own
MAX_NAME = 200  # characters of a style
MAX_HASH = 100_000  # characters of the name of the data: 17 for each dataset
MAX_COUNT = 2**53  # steps or seconds


@dataclass(frozen=True)
class Header:
    """Who a model is: its recipe, how long it was trained, and on what; `meta` is the whole JSON half."""

    plan: recipe.Recipe
    step: int
    seconds: float
    shape: dict[str, int]
    vocabulary: list[str]
    data_hash: str
    meta: dict[str, Any]
    graphs: dict[str, list[str]] = field(default_factory=dict)  # what fills the initializers of each
    parameters: int = 0  # of an exported model with graphs

    @property
    def samples(self) -> bool:
        """Return whether the model makes something from noise; a decoder does not."""
        return is_generative(self.plan.family)

    @property
    def unchanged_from(self) -> str | None:
        """Name the model that a tuning began with where it kept that as it was, no step being better."""
        return unchanged_from(self.meta)


def read(path: Path) -> Header:
    """Read the JSON half of a checkpoint alone, whose hash is not checked: enough to see what may be worth loading.

    CheckpointError in one line where it does not describe a model.
    """
    return parse(read_json(path), path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of bounded size; CheckpointError in one line where the file does not hold one."""
    try:
        with open_file(path) as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CheckpointError(f"{path}: is larger than {MAX_BYTES} bytes; use another checkpoint")
        value = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); use another checkpoint") from None
    except (ValueError, RecursionError) as error:  # a number of too many digits is a ValueError as well
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: is not valid JSON; use another checkpoint") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: holds no JSON object; use another checkpoint")
    return value


def parse(meta: dict[str, Any], source: Path) -> Header:
    """Check every value of a JSON half that a model is rebuilt from; CheckpointError in one line."""
    checks = {
        "recipe": lambda value: isinstance(value, dict) and bool(value),
        "step": _is_count,
        "elapsed": lambda value: _is_count(value) or (isinstance(value, float) and 0 <= value <= MAX_COUNT),
        "vocabulary": _is_vocabulary,
        "data_hash": lambda value: isinstance(value, str) and value.isprintable() and len(value) <= MAX_HASH,
    }
    for key, is_sound in checks.items():
        if key not in meta:
            raise CheckpointError(f"{source}: lacks its {_NAMES[key]}; train it again with this version")
        if not is_sound(meta[key]):
            raise CheckpointError(f"{source}: its {_NAMES[key]} is damaged; use another checkpoint")
    plan = recipe.parse(meta["recipe"], str(source))
    if meta.get("shape") != representation_module(plan.representation_name).shape(plan.representation):
        raise CheckpointError(f"{source}: its shape does not fit its recipe; train it again with this version")
    check_styles(plan.family, meta["vocabulary"], source)
    if learns_controls(plan.model) and not is_scale(meta.get("control_quantiles")):
        raise CheckpointError(f"{source}: the scale of its controls is damaged; use another checkpoint")
    parent = meta.get("parent")
    if parent is not None and not _is_text(parent, 4096):
        raise CheckpointError(
            f"{source}: the name of the model it was fine-tuned from is damaged; use another checkpoint"
        )
    if not stages.are_sound(meta.get("stages", [])) or not all(
        meta.get(key) is None or stages.is_name(meta[key]) for key in ("commit", "recipe_name")
    ):
        raise CheckpointError(f"{source}: the list of its training stages is damaged; use another checkpoint")
    if not _is_graphs(graphs := meta.get("graphs", {})) or not _is_count(meta.get("parameters", 0)):
        raise CheckpointError(f"{source}: the list of its graphs is damaged; use another checkpoint")
    return Header(
        plan,
        meta["step"],
        float(meta["elapsed"]),
        meta["shape"],
        meta["vocabulary"],
        meta["data_hash"],
        meta,
        graphs,
        meta.get("parameters", 0),
    )


def unchanged_from(meta: dict[str, Any]) -> str | None:
    """Name the model that a tuning began with where it kept that as it was; `meta` is of any of its checkpoints."""
    best = meta.get("best_step")
    kept = meta["step"] if best is None else best
    return meta.get("parent") if kept == 0 else None


def check_styles(family: str, vocabulary: Sequence[str], source: object) -> None:
    """Raise FourfloorError where a model of the family has no room for so many styles, one of which means any."""
    room = max_styles(family) or MAX_STYLES
    if len(vocabulary) >= room:
        raise FourfloorError(
            f"{source}: {len(vocabulary)} styles, a {family} model has room for {room - 1}; merge some"
        )


_NAMES = {
    "recipe": "recipe", "step": "number of steps", "elapsed": "training time", "vocabulary": "list of styles",
    "data_hash": "hash of the training data",
}  # fmt: skip


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= longest


def _is_graphs(value: Any) -> bool:
    """Return whether a value lists, for each graph by name, what fills its initializers."""
    lists = value.values() if isinstance(value, dict) else [None]
    return all(isinstance(names, list) and all(_is_text(name, MAX_NAME) for name in names) for names in lists)


def _is_vocabulary(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(style, MAX_NAME) for style in value) and len({*value}) == len(value)
