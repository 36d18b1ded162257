"""What there is to see of datasets and trainings: names, curves, and loops to listen to while a model is tuned."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from fourfloor import audio
from fourfloor.studio.requests import PlainName
from fourfloor.studio.training import DATASETS, RUNS

MAX_POINTS = 400  # of a curve
LISTENED = "listening"  # as `fourfloor.runs.listening` names it, which needs torch
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
        return {"name": name, "curve": curve(where / "log.jsonl"), "sounds": sounds(where)}

    @app.get("/api/runs/{name}/sounds/{step}/{file}")
    def sound(name: Name, step: Annotated[int, InPath(ge=0, le=10**8 - 1)], file: Name) -> FileResponse:
        """A loop that a training wrote to listen to."""
        path = _run(folder, name) / LISTENED / f"step-{step:08d}" / file
        if path.suffix != ".wav" or not path.is_file():
            raise HTTPException(404, f"no {file} of step {step} in the run {name}")
        return FileResponse(path, media_type="audio/wav", content_disposition_type="inline")


def curve(log: Path) -> list[dict[str, float]]:
    """Read steps with their loss and held-out loss: as many as a picture shows, and all of the latter."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            last = sum(1 for _ in file) - 1
            every = max(1, last // MAX_POINTS)
            file.seek(0)
            read = (
                _point(line)
                for number, line in enumerate(file)
                if number % every == 0 or number == last or '"validation"' in line
            )
            return [point for point in read if point is not None]
    except OSError:
        return []


def _point(line: str) -> dict[str, float] | None:
    """Read a step from a line; None where it holds none, such as the last one while it is being written."""
    try:
        record = json.loads(line)
        point = {name: record[name] for name in ("step", "loss", "validation") if _is_number(record.get(name))}
    except (ValueError, AttributeError, RecursionError):
        return None
    return point if "step" in point and len(point) > 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")


def sounds(run: Path) -> list[dict[str, Any]]:
    """List the loops that a training wrote to listen to, those of the last step first."""
    found = sorted(run.glob(f"{LISTENED}/step-*/*.wav"), key=lambda path: (path.parent.name, path.name))
    listed = [(path, _tags(path, path.stat().st_mtime)) for path in reversed(found)]
    return [
        {"step": int(path.parent.name.removeprefix("step-")), "file": path.name, "bpm": tags.bpm, "bars": tags.bars}
        for path, tags in listed
        if tags is not None
    ]


@functools.lru_cache(maxsize=1024)
def _tags(path: Path, stamp: float) -> audio.LoopTags | None:
    return audio.read_tags(path)


def _run(folder: Path, name: str) -> Path:
    path = folder / RUNS / name
    if not path.is_dir():
        raise HTTPException(404, f"no run {name}")
    return path


def _names(folder: Path, mark: str) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{mark}"))
