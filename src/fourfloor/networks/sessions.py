"""Graphs and weights -> functions, by ONNX Runtime; torch is not needed.

The same inputs give the same bits for any number of threads and cores: a session computes on the calling thread alone,
and the optimization level and the packing of weights, which change bits, are fixed here.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    RuntimeException,
)
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as UnknownOperation

from fourfloor.errors import FourfloorError
from fourfloor.networks import INT8, MAX_INT8, ROW, TRANSPOSED, WEIGHTS, Function
from fourfloor.networks.stored import StoredArrays

MAX_GRAPH_BYTES = 2**24  # one of the bundled model has 90 kB
_FAILURES = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, RuntimeException, UnknownOperation)


def function(graph: bytes, initializers: Sequence[str], arrays: StoredArrays, threads: int = 1) -> Function:
    """Begin a session of a graph whose weights are `arrays`; FourfloorError where they do not fit it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "0")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    if len(graph) > MAX_GRAPH_BYTES:
        raise FourfloorError(f"a graph of more than {MAX_GRAPH_BYTES} bytes")
    try:
        weights = [ort.OrtValue.ortvalue_from_numpy(_filled(name, arrays)) for name in initializers]
        options.add_external_initializers(list(initializers), weights)
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except (*_FAILURES, KeyError, UnicodeDecodeError) as error:  # the last: of a damaged name in its message
        raise FourfloorError(f"a graph that does not fit its weights ({_first_line(error)})") from None

    def call(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            return tuple(session.run(None, inputs))
        except (*_FAILURES, ValueError) as error:  # the last: of inputs that it does not know
            raise FourfloorError(f"a graph that cannot be computed ({_first_line(error)})") from None

    return call


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:80]


def _filled(name: str, arrays: StoredArrays) -> np.ndarray:
    """Return the values of an initializer, which `graphs` named."""
    tensor, _, form = name.removeprefix(WEIGHTS).partition(":")
    if f":{form}" == INT8:
        narrowed = arrays.values_in_8_bits[tensor].astype(np.float32) * (MAX_INT8 / 127)
        return np.ascontiguousarray(np.round(narrowed).astype(np.int8).T)
    if f":{form}" == ROW:
        return arrays.scales[tensor].astype(np.float32) * np.float32(127 / MAX_INT8)
    values = arrays[tensor]
    return np.ascontiguousarray(values.T if f":{form}" == TRANSPOSED else values)
