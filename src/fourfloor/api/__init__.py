"""The whole path, one function a step: train, generate, evaluate, compare, export (ingest, produce: one call each).

`list_models` says what there is.

The only place that joins the stages, and the only one where a run refers to another.
"""

from fourfloor.api.compare import CompareRequest, compare
from fourfloor.api.evaluate import EvaluateRequest, evaluate
from fourfloor.api.export import export
from fourfloor.api.generate import GenerateRequest, generate
from fourfloor.api.models import list_models
from fourfloor.api.train import TrainRequest, train

__all__ = [
    "CompareRequest", "EvaluateRequest", "GenerateRequest", "TrainRequest", "compare", "evaluate", "export", "generate",
    "list_models", "train",
]  # fmt: skip
