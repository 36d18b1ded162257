"""What there is to train and to generate with: families, their recipes, models in the package, trained runs."""

import ast
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fourfloor import header, loading, models, recipe
from fourfloor import recipes as package_recipes
from fourfloor.arguments import typed
from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_torch
from fourfloor.header import Header
from fourfloor.models import families, family_module
from fourfloor.progress import PathLike
from fourfloor.stages import Stage, stages_of
from fourfloor.training import checkpoint

DEPTH = 3  # folders below the given ones that are searched


@dataclass(frozen=True, kw_only=True)
class FamilyEntry:
    """A model family: its name, one line about it, and the recipes that train it, by name or path."""

    family: str
    summary: str
    recipes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model that is in the package, exported, or in training.

    Attributes:
        name: What `ff.load` takes for a model in the package; the folder's name for others.
        path: The model's folder.
        kind: "package", "folder" (an exported model) or "run".
        family: Families of its parts, such as "flow + magnitude_decoder".
        steps: Training steps of each part.
        minutes: Training time of each part.
        parameters: Number of weights in all parts.
        dataset: Folders of the datasets it was trained on, or the hash of their content.
        card: Path of its CARD.md; None without one.
        stages: The trainings that each part went through, first to last.
        unchanged_from: The model that fine-tuning began with, where fine-tuning kept it as it was.
        bytes: Size on disk.
    """

    name: str
    path: str
    kind: str
    family: str
    steps: tuple[int, ...]
    minutes: tuple[float, ...]
    parameters: int
    dataset: str
    card: str | None
    stages: tuple[tuple[Stage, ...], ...]
    unchanged_from: str | None
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A recipe or model that could not be read, and why, in one line."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelList:
    """What `ff.list_models` found: families, models, and what it could not read."""

    families: tuple[FamilyEntry, ...]
    models: tuple[ModelEntry, ...]
    unreadable: tuple[Unreadable, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `fourfloor models --json` prints."""
        return asdict(self)


@typed
def list_models(folders: PathLike | Iterable[PathLike] = (), *, recipes: PathLike | None = None) -> ModelList:
    """List the model families with their recipes, the models in the package, and your runs and exported models.

    No weights are loaded. A damaged model hides no other one.

    Args:
        folders: A folder to search for runs and exported models, three levels deep, or several.
        recipes: A folder of your own recipes, to list them too.

    Returns:
        A `ModelList`: `families`, `models` and `unreadable`.

    Raises:
        FourfloorError: A folder is missing.

    Example:
        >>> import fourfloor as ff
        >>> found = ff.list_models()
        >>> [(model.name, model.kind) for model in found.models]
        [('warehouse', 'package')]
        >>> [entry.recipes for entry in found.families if entry.family == "wavegan"]
        [('wavegan', 'wavegan-long')]
    """
    searched = [Path(folders)] if isinstance(folders, str | os.PathLike) else [Path(folder) for folder in folders]
    own_recipes = None if recipes is None else Path(recipes)
    for folder in searched:
        if not folder.is_dir():
            raise FourfloorError(f"{folder}: is not a folder; name one that holds runs")
    if own_recipes and not own_recipes.is_dir():
        raise FourfloorError(f"{own_recipes}: is not a folder; name one that holds recipes")
    unreadable: list[Unreadable] = []
    models = tuple(_models(searched, unreadable))
    return ModelList(families=tuple(_families(own_recipes, unreadable)), models=models, unreadable=tuple(unreadable))


def _families(own_recipes: Path | None, unreadable: list[Unreadable]) -> Iterator[FamilyEntry]:
    using: dict[str, list[str]] = {}
    own = [str(path) for path in sorted(own_recipes.rglob("*.toml"))] if own_recipes else []
    for name in [*package_recipes.names(), *own]:
        try:
            using.setdefault(recipe.load(name).family, []).append(name)
        except FourfloorError as error:
            unreadable.append(Unreadable(path=name, reason=str(error)))
    for family in families():
        yield FamilyEntry(family=family, summary=summary_of(family), recipes=tuple(using.get(family, [])))


def _models(folders: Sequence[Path], unreadable: list[Unreadable]) -> Iterator[ModelEntry]:
    found = [(loading.bundled_folder(name), "package") for name in loading.bundled_names()]
    for folder in folders:
        found += [(path, "run" if _is_run(path) else "folder") for path in _search(folder, DEPTH, unreadable)]
    for path, kind in found:
        try:
            yield _describe(path, kind)
        except FourfloorError as error:
            unreadable.append(Unreadable(path=str(path), reason=str(error)))
        except OSError as error:
            unreadable.append(Unreadable(path=str(path), reason=f"{path}: cannot be read ({error.strerror})"))


def summary_of(family: str) -> str:
    """Return the first line of a family's docstring, without importing it."""
    found = importlib.util.find_spec(f"{models.__name__}.{family}")
    source = Path(str(found.origin)).read_text(encoding="utf-8") if found else ""
    documented = ast.get_docstring(ast.parse(source)) or ""
    return documented.partition("\n")[0].rstrip(".:")


def _is_run(folder: Path) -> bool:
    return (folder / checkpoint.FOLDER).is_dir()


def _search(folder: Path, depth: int, unreadable: list[Unreadable]) -> list[Path]:
    """List the models in a folder; what cannot be looked into is noted."""
    try:
        if loading.is_model_folder(folder):
            return [folder]
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()) if depth else []
    except OSError as error:
        unreadable.append(Unreadable(path=str(folder), reason=f"{folder}: cannot be read ({error.strerror})"))
        return []
    return [found for path in below for found in _search(path, depth - 1, unreadable)]


def _describe(folder: Path, kind: str) -> ModelEntry:
    """Read what the newest intact checkpoints say; their hashes are checked, no weight is decoded."""
    if _is_run(folder):
        if not checkpoint.descriptions(folder):
            raise FourfloorError(f"{folder}: has no checkpoint yet; train it, or remove it")
        parts = [header.parse(checkpoint.describe_latest(folder), folder)]
    else:
        halves = [path for name in (loading.PRIOR_FILE, loading.DECODER_FILE) if (path := folder / name).exists()]
        parts = [header.parse(checkpoint.describe(path), path) for path in halves]
    return ModelEntry(
        name=folder.name, path=str(folder), kind=kind, family=" + ".join(part.plan.family for part in parts),
        steps=tuple(part.step for part in parts), minutes=tuple(round(part.seconds / 60, 1) for part in parts),
        parameters=sum(_parameters(part, folder) for part in parts), dataset=_dataset(folder, parts[0]),
        card=str(folder / loading.CARD_FILE) if (folder / loading.CARD_FILE).is_file() else None,
        stages=tuple(stages_of(part.meta) for part in parts), unchanged_from=parts[0].unchanged_from,
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    )  # fmt: skip


def _parameters(about: Header, folder: Path) -> int:
    """Return how many parameters a model has; an exported one says it itself."""
    if about.parameters:
        return about.parameters
    with needing_torch(f"{folder}: is not exported with graphs, so loading it"):
        import torch
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
