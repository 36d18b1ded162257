"""The whole path, one function a step: train, generate, evaluate, export (ingest, produce: one call each).

`list_models` says what there is.

The only place that joins the stages, and the only one where a run refers to another.
"""

from fourfloor.api.evaluate import EvaluateRequest, evaluate
from fourfloor.api.export import export
from fourfloor.api.generate import Generated, WrittenLoop, generate
from fourfloor.api.loops import Copy, Loop
from fourfloor.api.model import Model, load
from fourfloor.api.models import list_models
from fourfloor.api.train import TrainRequest, train
from fourfloor.representations.controls import Controls

__all__ = [
    "Controls", "Copy", "EvaluateRequest", "Generated", "Loop", "Model", "TrainRequest",
    "WrittenLoop", "evaluate", "export", "generate", "list_models", "load", "train",
]  # fmt: skip
