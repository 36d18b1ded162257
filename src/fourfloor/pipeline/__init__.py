"""The whole path, one function a step: train, generate, evaluate, export (ingest and produce are one call each).

The only place that joins the stages, and the only one where a run refers to another.
"""

from fourfloor.pipeline.evaluate import EvaluateRequest, evaluate
from fourfloor.pipeline.export import export
from fourfloor.pipeline.generate import GenerateRequest, generate
from fourfloor.pipeline.train import TrainRequest, train

__all__ = ["EvaluateRequest", "GenerateRequest", "TrainRequest", "evaluate", "export", "generate", "train"]
