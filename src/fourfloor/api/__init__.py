"""The whole path, one function a step: train, generate, evaluate, export (ingest, produce: one call each).

`list_models` says what there is.

The only place that joins the stages, and the only one where a run refers to another. What trains is imported when it is
first asked for, as it needs torch.
"""

from typing import TYPE_CHECKING, Any

from fourfloor.api.evaluate import EvaluateRequest, evaluate
from fourfloor.api.export import export
from fourfloor.api.generate import Generated, WrittenLoop, generate
from fourfloor.api.loops import Copy, Loop
from fourfloor.api.model import Model, load
from fourfloor.api.models import list_models
from fourfloor.extras import needing_torch
from fourfloor.representations.controls import Controls

if TYPE_CHECKING:
    from fourfloor.api.training import TrainRequest, train

__all__ = [
    "Controls", "Copy", "EvaluateRequest", "Generated", "Loop", "Model", "TrainRequest",
    "WrittenLoop", "evaluate", "export", "generate", "list_models", "load", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in ("TrainRequest", "train"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing_torch("Training"):
        from fourfloor.api import training
    return getattr(training, name)
