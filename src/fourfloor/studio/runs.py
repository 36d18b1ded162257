"""What there is to see of datasets and trainings: names, curves, and loops to listen to while a model is tuned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from fourfloor.studio.requests import PlainName
from fourfloor.studio.training import DATASETS, RUNS

MAX_POINTS = 400  # of a curve
Name = Annotated[PlainName, InPath()]


def datasets(folder: Path) -> list[str]:
    """Name the datasets of a library."""
    return _names(folder / DATASETS, "catalogue.json")


def names(folder: Path) -> list[str]:
    """Name the trainings of a library."""
    return _names(folder / RUNS, "run.json")


def add_routes(app: FastAPI, folder: Path) -> None:
    """Answer what a page asks about trainings."""

    @app.get("/api/runs/{name}")
    def run(name: Name) -> dict[str, Any]:
        """The curves of a training, and the loops it wrote to listen to."""
        where = _run(folder, name)
        return {"name": name, "curve": curve(where / "log.jsonl"), "sounds": _sounds(where)}

    @app.get("/api/runs/{name}/sounds/{file}")
    def sound(name: Name, file: Name) -> FileResponse:
        """A loop that a training wrote to listen to."""
        for path in _run(folder, name).rglob("*.wav"):
            if path.name == file:
                return FileResponse(path, media_type="audio/wav", content_disposition_type="inline")
        raise HTTPException(404, f"no {file} in the run {name}")


def curve(log: Path) -> list[dict[str, float]]:
    """Read steps with their loss and held-out loss, thinned out to what a picture shows."""
    points: list[dict[str, float]] = []
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except OSError:
        return points
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:  # the last line while it is being written
            continue
        point = {name: record[name] for name in ("step", "loss", "validation") if _is_number(record.get(name))}
        if "step" in point and len(point) > 1:
            points.append(point)
    held_out = [point for point in points if "validation" in point]
    thinned = points[:: max(1, len(points) // MAX_POINTS)]
    return sorted([*thinned, *(point for point in held_out if point not in thinned)], key=lambda point: point["step"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")


def _sounds(run: Path) -> list[str]:
    return sorted(path.name for path in run.rglob("*.wav"))


def _run(folder: Path, name: str) -> Path:
    path = folder / RUNS / name
    if not path.is_dir():
        raise HTTPException(404, f"no run {name}")
    return path


def _names(folder: Path, mark: str) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{mark}"))
