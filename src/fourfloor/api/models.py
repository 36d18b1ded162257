"""What there is to train and to play: families, the recipes that use them, models in the package, trained runs."""

import ast
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fourfloor import header, loading, models, recipe, recipes
from fourfloor.errors import FourfloorError
from fourfloor.header import Header
from fourfloor.models import families, family_module
from fourfloor.training import checkpoint

DEPTH = 3  # folders below the given ones that are searched


def list_models(folders: Sequence[Path], own_recipes: Path | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return what `models --json` prints: families, models, and what could not be read.

    `folders` are searched for runs and exported models, `own_recipes` for recipes beside those in the package;
    FourfloorError where one is missing.
    """
    for folder in folders:
        if not folder.is_dir():
            raise FourfloorError(f"{folder}: is not a folder; name one that holds runs")
    if own_recipes and not own_recipes.is_dir():
        raise FourfloorError(f"{own_recipes}: is not a folder; name one that holds recipes")
    unreadable: list[dict[str, Any]] = []
    using: dict[str, list[str]] = {}
    own = [str(path) for path in sorted(own_recipes.rglob("*.toml"))] if own_recipes else []
    for name in [*recipes.names(), *own]:
        try:
            using.setdefault(recipe.load(name).family, []).append(name)
        except FourfloorError as error:
            unreadable.append({"path": name, "reason": str(error)})
    found = [(loading.bundled_folder(name), "package") for name in loading.bundled_names()]
    for folder in folders:
        found += [(path, "run" if _is_run(path) else "folder") for path in _search(folder, DEPTH, unreadable)]
    rows = []
    for path, kind in found:
        try:
            rows.append({"name": path.name, "path": str(path), "kind": kind, **_describe(path)})
        except FourfloorError as error:
            unreadable.append({"path": str(path), "reason": str(error)})
        except OSError as error:
            unreadable.append({"path": str(path), "reason": f"{path}: cannot be read ({error.strerror})"})
    about = [{"family": name, "summary": summary_of(name), "recipes": using.get(name, [])} for name in families()]
    return {"families": about, "models": rows, "unreadable": unreadable}


def summary_of(family: str) -> str:
    """Return the first line of a family's docstring, without importing it."""
    found = importlib.util.find_spec(f"{models.__name__}.{family}")
    source = Path(str(found.origin)).read_text(encoding="utf-8") if found else ""
    documented = ast.get_docstring(ast.parse(source)) or ""
    return documented.partition("\n")[0].rstrip(".:")


def _is_run(folder: Path) -> bool:
    return (folder / checkpoint.FOLDER).is_dir()


def _search(folder: Path, depth: int, unreadable: list[dict[str, Any]]) -> list[Path]:
    """List the models in a folder; what cannot be looked into is noted."""
    try:
        if loading.is_model_folder(folder):
            return [folder]
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()) if depth else []
    except OSError as error:
        unreadable.append({"path": str(folder), "reason": f"{folder}: cannot be read ({error.strerror})"})
        return []
    return [found for path in below for found in _search(path, depth - 1, unreadable)]


def _describe(folder: Path) -> dict[str, Any]:
    """Read what the newest intact checkpoints say; their hashes are checked, no weight is decoded."""
    if _is_run(folder):
        if not checkpoint.descriptions(folder):
            raise FourfloorError(f"{folder}: has no checkpoint yet; train it, or remove it")
        parts = [header.parse(checkpoint.describe_latest(folder), folder)]
    else:
        halves = [path for name in (loading.PRIOR_FILE, loading.DECODER_FILE) if (path := folder / name).exists()]
        parts = [header.parse(checkpoint.describe(path), path) for path in halves]
    return {
        "family": " + ".join(part.plan.family for part in parts),
        "steps": [part.step for part in parts],
        "minutes": [round(part.seconds / 60, 1) for part in parts],
        "parameters": sum(_parameters(part) for part in parts),
        "dataset": _dataset(folder, parts[0]),
        "card": str(folder / loading.CARD_FILE) if (folder / loading.CARD_FILE).is_file() else None,
        "unchanged_from": parts[0].unchanged_from,
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    }


def _parameters(about: Header) -> int:
    with torch.device("meta"):
        model = family_module(about.plan.family).Model(about.plan.model, about.shape)
    return sum(parameter.numel() for parameter in model.parameters())


def _dataset(folder: Path, about: Header) -> str:
    """Name what a model was trained on: the folder that was given, or the hash of its content."""
    if not (folder / "run.json").exists():
        return about.data_hash
    told = header.read_json(folder / "run.json").get("data")
    if not isinstance(told, list) or not all(isinstance(path, str) for path in told):
        raise FourfloorError(f"{folder / 'run.json'}: does not say what the run was trained on; train it again")
    return ", ".join(told)
