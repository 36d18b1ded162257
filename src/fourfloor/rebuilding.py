"""A checkpoint -> its torch model: for training, for runs, and for models that were exported without graphs."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fourfloor import header
from fourfloor.errors import FourfloorError
from fourfloor.models import Checked, family_module
from fourfloor.networks.modules import StateArrays
from fourfloor.representations import representation_module
from fourfloor.trained import Trained
from fourfloor.training.checkpoint import Checkpoint, CheckpointError

TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)  # of what is not in 8 bits


class _NothingDrawn(TorchFunctionMode):
    """Leave out random first weights, which others replace; on the meta device they import torch's compiler (2 s)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def rebuild(saved: Checkpoint, source: Path) -> Trained:
    """Build the model of a checkpoint with its averaged weights; CheckpointError in one line where it does not fit."""
    about = header.parse(saved.meta, source)
    family = family_module(about.plan.family)
    try:
        scales = saved.part("scales")
        weights = {name: _widened(value, scales.get(name)) for name, value in saved.part("ema").items()}
        with torch.device("meta"), _NothingDrawn():  # shapes are compared before anything is allocated
            _check_weights(family.Model(about.plan.model, about.shape), weights, source)
        with _NothingDrawn():  # nor for real: torch's random state is the caller's
            model = family.Model(about.plan.model, about.shape)
        model.load_state_dict(weights)
        representation = representation_module(about.plan.representation_name)
        codec = representation.Codec(
            **{name: _widened(value, None).numpy() for name, value in saved.part("constants").items()}
        )
        representation.check(codec, about.plan.representation)
        if isinstance(family, Checked):
            family.check(StateArrays(model), len(about.vocabulary))
    except CheckpointError:
        raise
    except (FourfloorError, TypeError) as error:
        reason = str(error)[:120]
        raise CheckpointError(f"{source}: does not hold a model of this version ({reason}); use another one") from None
    return Trained(model.eval().requires_grad_(False), codec, about.plan, saved.meta, source)


def _widened(value: Tensor, scale: Tensor | None) -> Tensor:
    """Return a weight in single precision; TypeError where it is not of a type that `export` or training writes."""
    if scale is None and value.dtype in TYPES:
        return value.float()
    if scale is None or value.dtype != torch.int8 or not scale.is_floating_point() or scale.shape != value.shape[:1]:
        raise TypeError(f"a weight of type {value.dtype}")
    return value.float() * scale[:, None]


def _check_weights(model: nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    actual = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != actual:
        differing = sorted(name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name))
        raise CheckpointError(f"{source}: weights do not fit the recipe ({differing[0]}); use another checkpoint")
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{source}: weight {name} is not finite; use another checkpoint")
