"""A part of a torch model -> an ONNX graph without its weights, which stay in the model's safetensors.

Opset 23 is the first with RMSNormalization; ONNX Runtime reads it from 1.23 on. A Fourier transform is never part of a
graph: ONNX Runtime's is off by 2.5e-2 at lengths that are no power of two.

An initializer of the graph is named after the tensor that fills it when a session begins.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from fourfloor.errors import FourfloorError
from fourfloor.networks import INT8, ROW, TRANSPOSED, WEIGHTS, Part

OPSET = 23
KEPT = 32  # values of a constant that stays in the graph


def graph(part: Part, tensors: Mapping[str, np.ndarray], in_8_bits: frozenset[str]) -> tuple[bytes, list[str]]:
    """Trace a part whose weights are those of `tensors`; return the graph, and what fills its initializers.

    Products with the matrices `in_8_bits` are computed so: their other side is rounded to 8 bits as it comes, by the
    range of all of it.
    """
    onnx = _onnx()
    model = _traced(part)
    named = _named(model.graph, tensors)
    for node in list(model.graph.node):
        name = named.get(node.input[1], "") if node.op_type == "MatMul" else ""
        matrix = name.removeprefix(WEIGHTS).removesuffix(TRANSPOSED)
        if matrix in in_8_bits and name.endswith(TRANSPOSED):
            _multiply_in_8_bits(onnx, model.graph, node, matrix, tensors[matrix].shape)
    for node in model.graph.node:
        node.input[:] = [named.get(name, name) for name in node.input]
        for note in ("metadata_props", "doc_string", "name"):
            node.ClearField(note)
    used = {name for node in model.graph.node for name in node.input}
    kept = {}
    for initializer in model.graph.initializer:
        filled = named.get(initializer.name)
        held = _outside(onnx, filled, initializer.dims, initializer.data_type) if filled else initializer
        if held.name in used:
            kept[held.name] = held
    del model.graph.initializer[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept.values())
    for note in ("metadata_props", "doc_string", "producer_name", "producer_version", "functions"):
        model.ClearField(note)
    model.graph.ClearField("metadata_props")
    outside = onnx.TensorProto.EXTERNAL
    given = [held.name for held in model.graph.initializer if held.data_location == outside]
    return model.SerializeToString(deterministic=True), given


def _onnx() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise FourfloorError(f"export needs {error.name}. Type: pip install 'fourfloor[train]'") from None
    return onnx


def _traced(part: Part) -> Any:
    bars = torch.export.Dim("bars", min=1, max=64)
    grows = [part.grows.get(name) for name in part.inputs]
    shapes = tuple({grown[0]: grown[1] * bars} if grown else {} for grown in grows)
    with _quiet():
        program = torch.onnx.export(
            part.module.eval(), tuple(part.inputs.values()), dynamo=True, input_names=list(part.inputs),
            output_names=list(part.outputs), dynamic_shapes=shapes, opset_version=OPSET, verbose=False,
        )  # fmt: skip
    assert program is not None
    return program.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's notes about its progress, and about torchvision, from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _named(graph: Any, tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return the new names of the initializers that are a tensor of the model, transposed or not, found by value."""
    from onnx import numpy_helper

    named: dict[str, str] = {}
    for initializer in graph.initializer:
        value = numpy_helper.to_array(initializer)
        if value.size <= KEPT:
            continue
        for name, tensor in tensors.items():
            if value.shape == tensor.shape and np.array_equal(value, tensor):
                named[initializer.name] = WEIGHTS + name
            elif value.ndim == 2 and value.T.shape == tensor.shape and np.array_equal(value.T, tensor):
                named[initializer.name] = WEIGHTS + name + TRANSPOSED
            else:
                continue
            break
    return named


def _multiply_in_8_bits(onnx: Any, graph: Any, node: Any, matrix: str, shape: tuple[int, ...]) -> None:
    """Replace a product by one of integers, which is exact: its result is the same on every processor."""
    make, output = onnx.helper.make_node, node.output[0]
    values, rows = WEIGHTS + matrix + INT8, WEIGHTS + matrix + ROW
    scaled = [
        make("DynamicQuantizeLinear", [node.input[0]], [f"{output}.{part}" for part in ("8", "scale", "zero")]),
        make("MatMulInteger", [f"{output}.8", values, f"{output}.zero"], [f"{output}.sum"]),
        make("Cast", [f"{output}.sum"], [f"{output}.float"], to=onnx.TensorProto.FLOAT),
        make("Mul", [f"{output}.scale", rows], [f"{output}.scales"]),
        make("Mul", [f"{output}.float", f"{output}.scales"], [output]),
    ]
    place = list(graph.node).index(node)
    graph.node.remove(node)
    for new in reversed(scaled):
        graph.node.insert(place, new)
    here = {initializer.name for initializer in graph.initializer}
    for name, dims, kind in ((values, shape[::-1], onnx.TensorProto.INT8), (rows, shape[:1], onnx.TensorProto.FLOAT)):
        if name not in here:
            graph.initializer.append(_outside(onnx, name, dims, kind))


def _outside(onnx: Any, name: str, dims: Any, kind: int) -> Any:
    """Return an initializer whose values are given when a session begins."""
    tensor = onnx.TensorProto(name=name, dims=dims, data_type=kind, data_location=onnx.TensorProto.EXTERNAL)
    size = int(np.prod(dims)) * onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    for key, value in (("location", "weights"), ("offset", "0"), ("length", str(size))):
        tensor.external_data.add(key=key, value=value)
    return tensor
