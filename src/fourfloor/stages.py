"""The trainings that a model went through, one after another: what made it, as its description tells."""

import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MOST = 1000  # stages of a model
LONGEST = 4096  # characters of a name
TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training.

    Attributes:
        recipe: Name of the recipe's file.
        only: The part of the model that was trained alone; empty for all of it.
        steps: Training steps.
        minutes: Training time.
        data_hash: Content of the datasets; a + joins several.
        commit: Commit of the code, with -dirty where files differed from it; None where it was not in a repository.
    """

    recipe: str
    only: str
    steps: int
    minutes: float
    data_hash: str
    commit: str | None


def stages_of(meta: Mapping[str, Any]) -> tuple[Stage, ...]:
    """Return the stages of a checkpoint's description, the last one its own."""
    plan = meta["recipe"]
    own = Stage(
        recipe=meta.get("recipe_name") or plan["model"]["family"], only=plan.get("training", {}).get("only", ""),
        steps=meta["step"], minutes=round(meta["elapsed"] / 60, 1), data_hash=meta["data_hash"],
        commit=meta.get("commit"),
    )  # fmt: skip
    return (*(Stage(**stage) for stage in meta.get("stages", [])), own)


def earlier(parent: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the stages before a training that goes on from a model of this description, as it keeps them."""
    return [asdict(stage) for stage in stages_of(parent)] if parent else []


def are_sound(value: Any) -> bool:
    """Return whether a checkpoint's entry is a list of stages."""
    return isinstance(value, list) and len(value) <= MOST and all(map(_is_stage, value))


def _is_stage(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != set(Stage.__dataclass_fields__):
        return False
    steps, minutes, commit = value["steps"], value["minutes"], value["commit"]
    return (
        all(is_name(value[name]) for name in ("recipe", "only", "data_hash"))
        and (commit is None or is_name(commit))
        and isinstance(steps, int) and 0 <= steps < 2**53
        and isinstance(minutes, int | float) and 0 <= minutes < 2**53
    )  # fmt: skip


def is_name(value: Any) -> bool:
    """Return whether a value is text that may be printed."""
    return isinstance(value, str) and value.isprintable() and len(value) <= LONGEST


def code_commit() -> str | None:
    """Return the commit of the code that runs, with -dirty where files differ from it; None without git."""
    top = Path(__file__).resolve().parents[2]
    if not (top / ".git").exists():
        return None
    command = ["git", "-C", str(top), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
