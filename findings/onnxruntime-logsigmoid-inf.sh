#!/usr/bin/env bash
# `logsigmoid` of torch 2.13.0, exported to ONNX and run by onnxruntime 1.32.0, on logits of -10 to -30 (a loss, or the log of a probability). Expected:
# torch's values to 0.001, the logits themselves. Seen: minus infinity from -18 down, as the export writes Log(Sigmoid(x)) and onnxruntime's Sigmoid is
# exactly 0 there (its own at -17 is twice too large). Softplus is exact, so `-softplus(-x)` exports well.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6 torch==2.13.0 2>/dev/null
ORT_DISABLE_TELEMETRY=1 v/bin/python -W ignore - <<'P'
import numpy as np, onnx, onnxruntime, torch
class Layer(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
    def forward(self, x):
        return self.function(x)
def log_by_softplus(x):
    return -torch.nn.functional.softplus(-x)
logits, seen, operators = torch.tensor([-10.0, -17.0, -18.0, -20.0, -30.0]), {}, {}
for name, function in {"sigmoid": torch.sigmoid, "logsigmoid": torch.nn.functional.logsigmoid, "softplus": log_by_softplus}.items():
    torch.onnx.export(Layer(function), (logits,), "x.onnx", dynamo=True, verbose=False)
    operators[name] = [node.op_type for node in onnx.load("x.onnx").graph.node]
    session = onnxruntime.InferenceSession("x.onnx", providers=["CPUExecutionProvider"])
    seen[name] = session.run(None, {session.get_inputs()[0].name: logits.numpy()})[0]
    print("onnxruntime", onnxruntime.__version__, name, operators[name], seen[name], "torch", function(logits).numpy())
same = operators["logsigmoid"] == ["Sigmoid", "Log"] and (seen["sigmoid"][2:] == 0).all() and seen["sigmoid"][1] > 2 * torch.sigmoid(logits)[1]
same = same and np.isneginf(seen["logsigmoid"][2:]).all() and np.allclose(seen["softplus"], logits, atol=1e-3)
raise SystemExit(0 if same else "changed")
P
