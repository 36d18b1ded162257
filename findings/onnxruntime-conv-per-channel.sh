#!/usr/bin/env bash
# onnxruntime 1.32.0: quantize_dynamic(per_channel=True) quantizes a Conv with one scale all the same, without a warning: the
# channels with small weights become all zeros.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 2>/dev/null
v/bin/python - 2>/dev/null <<'P'
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnxruntime.quantization import QuantType, quantize_dynamic
r = np.random.default_rng(0)
w = r.normal(size=(4, 4, 5)).astype("f4") * np.array([100, 1, .1, .01], "f4")[:, None, None]
i, o = h.make_tensor_value_info("x", T.FLOAT, [1, 4, 256]), h.make_tensor_value_info("y", T.FLOAT, None)
g = h.make_graph([h.make_node("Conv", ["x", "w"], ["y"], pads=[2, 2])], "g", [i], [o], [nh.from_array(w, "w")])
onnx.save(h.make_model(g, opset_imports=[h.make_opsetid("", 17)], ir_version=8), "f.onnx")
x = r.normal(size=(1, 4, 256)).astype("f4")
quantize_dynamic("f.onnx", "q.onnx", per_channel=True, weight_type=QuantType.QUInt8)
scales = [list(t.dims) for t in onnx.load("q.onnx").graph.initializer if "scale" in t.name]
a, b = (ort.InferenceSession(f).run(None, {"x": x})[0][0] for f in ("f.onnx", "q.onnx"))
error = [round(float(np.linalg.norm(q - f) / np.linalg.norm(f)), 2) for f, q in zip(a, b)]
print("onnxruntime", ort.__version__, "shape of the weights' scale:", scales, "error by channel:", error)
raise SystemExit(0 if scales == [[]] and error[0] < .1 and error[3] == 1.0 else "changed")
P
