#!/usr/bin/env bash
# onnxruntime 1.32.0: float32 DFT is 200 times less accurate at 1920 or 3000 points than at 2048 (error 1e-4, not 1e-7).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
import numpy as np, onnxruntime as ort
from onnx import TensorProto as T, helper as h
def dft(x):
    n = h.make_node("DFT", ["x"], ["y"], axis=1, onesided=1)
    i, o = h.make_tensor_value_info("x", T.FLOAT, [1, len(x), 1]), h.make_tensor_value_info("y", T.FLOAT, None)
    m = h.make_model(h.make_graph([n], "g", [i], [o]), opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    y = ort.InferenceSession(m.SerializeToString()).run(None, {"x": x[None, :, None]})[0][0]
    return y[:, 0] + 1j * y[:, 1]
print("onnxruntime", ort.__version__); found = {}
for n in (1024, 2048, 1920, 3000):
    x = np.random.default_rng(0).normal(size=n).astype("f4"); true = np.fft.rfft(x.astype("f8"))
    found[n] = np.linalg.norm(dft(x) - true) / np.linalg.norm(true); print(f"{n} points: relative error {found[n]:.1e}")
raise SystemExit(0 if max(found[1024], found[2048]) < 2e-6 and min(found[1920], found[3000]) > 5e-5 else "changed")
P
