"""What the worker does with a person's own tracks: ingest them, and tune a model. Its current folder is the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fourfloor as ff
from fourfloor.errors import FourfloorError
from fourfloor.stopping import StopSignal
from fourfloor.studio.collection import UPLOADS
from fourfloor.studio.worker import Say
from fourfloor.training.interruption import Stopped

DATASETS, RUNS, MODELS = "datasets", "runs", "models"
RECIPE, PARENT = "adapt", "warehouse"


def ingest(job: dict[str, Any], say: Say) -> None:
    """Cut a folder of tracks into a dataset; the result is what became of every track."""
    request = job["request"]
    folder = Path(request["folder"])
    Path(DATASETS).mkdir(exist_ok=True)
    try:
        report = ff.ingest(folder, Path(DATASETS) / request["name"], overwrite=True, on_progress=_progress(say))
    except FourfloorError as error:
        raise FourfloorError(_as_sent(str(error), folder)) from None
    told = report.to_json()
    for refused in told["rejected"]:
        refused["reason"] = _as_sent(refused["reason"], folder)
    say("result", dataset=request["name"], **told)


def _as_sent(text: str, folder: Path) -> str:
    """Call files that a page sent by their names alone: who sent them knows no folder of the library."""
    return text.replace(f"{folder}/", "") if folder.is_relative_to(Path(UPLOADS).resolve()) else text


def train(job: dict[str, Any], say: Say) -> None:
    """Tune the bundled model to a dataset and export it; stopped, it saves, and the next job goes on from there."""
    request = job["request"]
    name: str = request["name"]
    notes: list[str] = []
    run, model = Path(RUNS) / name, Path(MODELS) / name
    try:
        told = ff.train(
            RECIPE, data=Path(DATASETS) / request["dataset"], out=run, base=PARENT, minutes=request["minutes"],
            resume=run.exists(), stop_on_signals=True, on_progress=_progress(say), on_note=notes.append,
        )  # fmt: skip
    except Stopped as stopped:  # everything is saved, and the worker ends as after every stop
        raise StopSignal(stopped.exit_code - 128) from None
    Path(MODELS).mkdir(exist_ok=True)
    say("progress", done=1.0, total=1.0, text="writing the model")
    ff.export(run, model, overwrite=True)
    say(
        "result", model=str(model), unchanged_from=told.unchanged_from, notes=list(dict.fromkeys([*notes, *told.notes]))
    )


def _progress(say: Say) -> Any:
    return lambda done, total, text: say("progress", done=done, total=total, text=text)
