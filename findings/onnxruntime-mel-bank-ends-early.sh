#!/usr/bin/env bash
# onnxruntime 1.32.0 `MelWeightMatrix`, 64 bands from 20 to 20,000 Hz. Expected: librosa 0.11.0's HTK bank, the last band up to 20,000 Hz. Seen: the last
# band's highest bin lies at 18,949 Hz (librosa's 19,983) and its peak at 18,002 (18,949), as the range is divided by one band too many.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 librosa==0.11.0 2>/dev/null
ORT_DISABLE_TELEMETRY=1 v/bin/python -W ignore - <<'P'
import librosa, numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
kinds = {"bands": np.int64(64), "size": np.int64(2048), "rate": np.int64(44_100), "low": np.float32(20), "high": np.float32(20_000)}
fixed = [numpy_helper.from_array(np.array(value), name) for name, value in kinds.items()]
output = helper.make_tensor_value_info("bank", TensorProto.FLOAT, None)
graph = helper.make_graph([helper.make_node("MelWeightMatrix", list(kinds), ["bank"])], "mel", [], [output], fixed)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
bank = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {})[0]
usual = librosa.filters.mel(sr=44_100, n_fft=2048, n_mels=64, fmin=20, fmax=20_000, htk=True, norm=None).T
hertz = np.arange(1025) * 44_100 / 2048
found = {}
for name, weights in (("onnxruntime", bank), ("librosa", usual)):
    found[name] = [round(hertz[np.flatnonzero(weights[:, -1])[-1]]), round(hertz[weights[:, -1].argmax()])]
print("onnxruntime", onnxruntime.__version__, "last band: highest bin and peak in Hz:", found)
raise SystemExit(0 if found["onnxruntime"][0] < 19_000 < 19_900 < found["librosa"][0] else "changed")
P
