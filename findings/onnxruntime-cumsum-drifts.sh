#!/usr/bin/env bash
# onnxruntime 1.32.0 `CumSum` of float32, the phase of a steady 441 Hz tone over 10 s. Expected: the error of torch 2.13.0's `cumsum`, from which such an
# oscillator is exported: a thousandth of a radian. Seen: 95 radians, 15 periods of the tone, as each step rounds the running sum to float32; numpy does
# the same.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 torch==2.13.0 2>/dev/null
ORT_DISABLE_TELEMETRY=1 v/bin/python -W ignore - <<'P'
import numpy as np, onnx, onnxruntime, torch
from onnx import TensorProto, helper, numpy_helper
steps = np.full(441_000, 2 * np.pi * 441 / 44_100, np.float32)
exact = np.cumsum(steps, dtype=np.float64)
axis = numpy_helper.from_array(np.array(0), "axis")
ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy"]
graph = helper.make_graph([helper.make_node("CumSum", ["x", "axis"], ["y"])], "phase", ports[:1], ports[1:], [axis])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
phases = {"onnxruntime": session.run(None, {"x": steps})[0], "numpy": np.cumsum(steps), "torch": torch.cumsum(torch.from_numpy(steps), 0).numpy()}
errors = {name: float(np.abs(phase - exact).max()) for name, phase in phases.items()}
print("onnxruntime", onnxruntime.__version__, "largest error in radians:", {name: round(error, 4) for name, error in errors.items()})
raise SystemExit(0 if errors["onnxruntime"] > 50 and errors["numpy"] > 50 and errors["torch"] < 0.01 else "changed")
P
