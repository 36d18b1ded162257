#!/usr/bin/env bash
# safetensors.numpy.save of a transposed array and of one in Fortran's order. Expected: what 0.7.0 does, the array as it is (or an
# error). Seen with 0.8.0: the memory in its own order under the transposed shape, so other numbers come back, without a word.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 2>/dev/null
for version in 0.7.0 0.8.0; do
  v/bin/pip install -q safetensors==$version 2>/dev/null
  v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np
from safetensors.numpy import load, save
a = np.arange(6, dtype=np.float32).reshape(2, 3)
found = {name: load(save({"a": x}))["a"].tolist() == x.tolist() for name, x in (("transposed", a.T), ("Fortran", np.asfortranarray(a)))}
print("safetensors", version("safetensors"), "reads back what it was given:", found)
raise SystemExit(0 if set(found.values()) == {version("safetensors") == "0.7.0"} else "changed")
P
done
