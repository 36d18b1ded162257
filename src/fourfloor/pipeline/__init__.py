"""The whole path, one function a step: train, generate, evaluate, compare, export (ingest, produce: one call each).

`list_models` says what there is.

The only place that joins the stages, and the only one where a run refers to another.
"""

from fourfloor.pipeline.compare import CompareRequest, compare
from fourfloor.pipeline.evaluate import EvaluateRequest, evaluate
from fourfloor.pipeline.export import export
from fourfloor.pipeline.generate import GenerateRequest, generate
from fourfloor.pipeline.models import list_models
from fourfloor.pipeline.train import TrainRequest, train

__all__ = [
    "CompareRequest", "EvaluateRequest", "GenerateRequest", "TrainRequest", "compare", "evaluate", "export", "generate",
    "list_models", "train",
]  # fmt: skip
