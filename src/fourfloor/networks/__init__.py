"""What sampling computes a model with: functions of arrays, behind each an ONNX session or a torch module.

    modules.py    a torch model -> its functions
    graphs.py     a torch model -> ONNX graphs without weights
    stored.py     the weights of an exported model, in few bits
    sessions.py   graphs and weights -> the same functions, without torch

Sampling and decoding are written once, in numpy, and call whatever is there.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fourfloor.errors import FourfloorError

if TYPE_CHECKING:
    from torch import Tensor, nn

# From its import on, ONNX Runtime keeps a device ID in the home folder and sends events to Microsoft, unless this is
# set before (its Privacy.md). A value of the user's own stays.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# How a graph names the tensor that fills an initializer: weights/NAME, weights/NAME:T transposed, weights/NAME:int8 in
# 8 bits and transposed, weights/NAME:row the scales of its rows.
WEIGHTS = "weights/"
TRANSPOSED, INT8, ROW = ":T", ":int8", ":row"
# Of a weight in a product of integers. Sums of two products with inputs of 8 bits fit into 16: processors without VNNI
# would saturate them, and make another loop of the same seed.
MAX_INT8 = 64

Function = Callable[..., tuple[np.ndarray, ...]]  # takes arrays by name, whose first axis is 1


def of_shape(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return what a function made; FourfloorError where it has another shape than it must have."""
    if value.shape != shape:
        raise FourfloorError(f"a network returns {value.shape} instead of {shape}")
    return value


class Functions(dict[str, Function]):
    """Functions by name; FourfloorError for one that is not there."""

    def __missing__(self, name: str) -> Function:
        raise FourfloorError(f"the network {name!r} is missing")


@dataclass(frozen=True)
class Networks:
    """A trained model as sampling sees it; `arrays` holds weights and buffers by their names in the state dict."""

    config: Any
    shape: Mapping[str, int]
    functions: Functions
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A torch module that becomes one function: `module(*inputs)` returns as many tensors as `outputs` names.

    `inputs` are examples by name, of batch 1. The axis that `grows` names of an input may have any length that is a
    multiple of the given number; all of them grow together, as loops get longer.
    """

    module: "nn.Module"
    inputs: "Mapping[str, Tensor]"
    outputs: tuple[str, ...]
    grows: Mapping[str, tuple[int, int]]
    in_8_bits: tuple[str, ...] = ()  # how the names of matrices begin whose products an exported model computes so
