"""What there is to train and to play: families, the recipes that use them, models in the package, trained runs."""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fourfloor import loading, models, recipe
from fourfloor.errors import FourfloorError
from fourfloor.models import families, family_module
from fourfloor.training import checkpoint

DEPTH = 3  # folders below the given ones that are searched


def list_models(folders: Sequence[Path], recipes: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what `models --json` prints: families, models, and what could not be read.

    `folders` are searched for runs and exported models; FourfloorError where one is missing.
    """
    for folder in folders:
        if not folder.is_dir():
            raise FourfloorError(f"{folder}: is no folder; name one that holds runs")
    unreadable: list[dict[str, Any]] = []
    using: dict[str, list[str]] = {}
    for path in sorted(recipes.rglob("*.toml")) if recipes.is_dir() else []:
        try:
            using.setdefault(recipe.load(path).family, []).append(str(path))
        except FourfloorError as error:
            unreadable.append({"path": str(path), "reason": str(error)})
    found = [(loading.bundled_folder(name), "package") for name in loading.bundled_names()]
    found += [(path, "run" if _is_run(path) else "folder") for folder in folders for path in _search(folder, DEPTH)]
    rows = []
    for path, kind in found:
        try:
            rows.append({"name": path.name, "path": str(path), "kind": kind, **_describe(path)})
        except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
            unreadable.append({"path": str(path), "reason": f"{path}: is no model of this version ({error!r:.80})"})
    about = [{"family": name, "summary": summary_of(name), "recipes": using.get(name, [])} for name in families()]
    return {"families": about, "models": rows, "unreadable": unreadable}


def summary_of(family: str) -> str:
    """Return the first line of a family's docstring, without importing it."""
    path = Path(str(models.__path__[0])) / f"{family}.py"
    documented = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return documented.partition("\n")[0].rstrip(".:")


def _is_run(folder: Path) -> bool:
    return (folder / checkpoint.FOLDER).is_dir()


def _search(folder: Path, depth: int) -> list[Path]:
    if loading.is_model_folder(folder):
        return [folder]
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()) if depth else []
    return [found for path in below for found in _search(path, depth - 1)]


def _describe(folder: Path) -> dict[str, Any]:
    """Read what the newest checkpoints say; no weights are opened."""
    if _is_run(folder):
        descriptions = sorted((folder / checkpoint.FOLDER).glob("step-*.json"))[-1:]
        if not descriptions:
            raise FourfloorError("it has no checkpoint yet")
    else:
        descriptions = [path for name in (loading.PRIOR_FILE, loading.DECODER_FILE) if (path := folder / name).exists()]
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in descriptions]
    plans = [recipe.parse(part["recipe"], str(folder)) for part in parts]
    return {
        "family": " + ".join(plan.family for plan in plans),
        "steps": [int(part["step"]) for part in parts],
        "minutes": [round(float(part["elapsed"]) / 60, 1) for part in parts],
        "parameters": sum(_parameters(plan, part["shape"]) for plan, part in zip(plans, parts, strict=True)),
        "dataset": _dataset(folder, parts[0]),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    }


def _parameters(plan: recipe.Recipe, shape: dict[str, int]) -> int:
    with torch.device("meta"):
        model = family_module(plan.family).Model(plan.model, shape)
    return sum(parameter.numel() for parameter in model.parameters())


def _dataset(folder: Path, about: dict[str, Any]) -> str:
    """Name what a model was trained on: the folder that was given, or the hash of its content."""
    try:
        told = json.loads((folder / "run.json").read_text(encoding="utf-8"))["data"]
        return ", ".join(str(path) for path in told)
    except (OSError, ValueError, KeyError, TypeError):
        return str(about["data_hash"])
