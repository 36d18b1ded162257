#!/usr/bin/env bash
# Attention of torch 2.13.0 (`scaled_dot_product_attention` with a boolean mask), exported to ONNX and run by onnxruntime 1.32.0, where one row may attend
# to nothing (a bar without conditions, a padded batch). Expected: zeros, as torch gives, or NaN. Seen: the mean of all values that the mask forbids.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6 torch==2.13.0 2>/dev/null
ORT_DISABLE_TELEMETRY=1 v/bin/python -W ignore - <<'P'
import numpy as np, onnxruntime, torch
class Attention(torch.nn.Module):
    def forward(self, query, value, mask):
        return torch.nn.functional.scaled_dot_product_attention(query, query, value, attn_mask=mask)
torch.manual_seed(0)
query, value, mask = torch.randn(1, 1, 4, 8), 5 + torch.randn(1, 1, 4, 8), torch.ones(4, 4, dtype=torch.bool)
mask[2] = False
layer = Attention().eval()
torch.onnx.export(layer, (query, value, mask), "x.onnx", dynamo=True, verbose=False)
session = onnxruntime.InferenceSession("x.onnx", providers=["CPUExecutionProvider"])
names = [each.name for each in session.get_inputs()]
seen = session.run(None, dict(zip(names, (query.numpy(), value.numpy(), mask.numpy()))))[0][0, 0]
expected, mean = layer(query, value, mask)[0, 0].numpy(), value[0, 0].mean(0).numpy()
others = float(np.abs(np.delete(seen - expected, 2, 0)).max())
print("torch", torch.__version__, "onnxruntime", onnxruntime.__version__, "row that may attend to nothing, first three values:")
print("torch", expected[2, :3], "onnxruntime", seen[2, :3], "mean of all values", mean[:3], "largest error of the other rows", others)
raise SystemExit(0 if others < 1e-5 and not expected[2].any() and np.allclose(seen[2], mean, atol=1e-4) else "changed")
P
