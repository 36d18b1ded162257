"""The models that the studio can play: those in the package, and those that were tuned in it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from fourfloor import loading
from fourfloor.errors import FourfloorError
from fourfloor.studio.training import MODELS

BUNDLED = "warehouse"


def playable(folder: Path) -> list[dict[str, Any]]:
    """List models as the menu shows them: what to ask for, a name, and the styles; a damaged one says so."""
    own = sorted((folder / MODELS).glob("*")) if (folder / MODELS).is_dir() else []
    bundled = [(name, name, loading.bundled_folder(name)) for name in loading.bundled_names()]
    return [
        {"source": source, "name": name, **_about(path, _stamp(path))}
        for source, name, path in [*bundled, *((f"{MODELS}/{path.name}", path.name, path) for path in own)]
    ]


def check(folder: Path, source: str) -> None:
    """Raise FourfloorError where the menu does not list a model."""
    known = [model["source"] for model in playable(folder)]
    if source not in known:
        raise FourfloorError(f"no model {source!r}: use one of {', '.join(known)}")


def _stamp(path: Path) -> float:
    return max((file.stat().st_mtime for file in path.glob("*.json")), default=0.0)


@functools.lru_cache(maxsize=64)
def _about(path: Path, stamp: float) -> dict[str, Any]:
    from fourfloor.header import parse
    from fourfloor.training import checkpoint

    try:
        about = parse(checkpoint.describe(path / loading.PRIOR_FILE), path)
    except FourfloorError as error:
        return {"styles": [], "damaged": str(error)}
    return {"styles": list(about.vocabulary), "damaged": None}
