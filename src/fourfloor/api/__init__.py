"""The whole path, one function a step: train, generate, evaluate, export (ingest, produce: one call each).

`list_models` says what there is.

The only place that joins the stages, and the only one where a run refers to another.
"""

from fourfloor.api.evaluate import EvaluateRequest, evaluate
from fourfloor.api.export import export
from fourfloor.api.generate import GenerateRequest, generate
from fourfloor.api.models import list_models
from fourfloor.api.train import TrainRequest, train

__all__ = [
    "EvaluateRequest", "GenerateRequest", "TrainRequest", "evaluate", "export", "generate",
    "list_models", "train",
]  # fmt: skip
