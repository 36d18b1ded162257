#!/usr/bin/env bash
# fast-bss-eval 0.1.4 on numpy arrays, without torch, which it does not require. Expected: sdr and si_sdr both work. Seen: sdr does; si_sdr raises
# AttributeError, as it asks a stand-in for torch first, and sdr_loss raises ValueError since numpy 2 reads `solve`'s operand as a matrix.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q fast-bss-eval==0.1.4 numpy==2.4.6 scipy==1.17.1 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import fast_bss_eval, numpy as np
stems = np.random.default_rng(0).standard_normal((2, 8_000))
found = stems + np.random.default_rng(1).standard_normal((2, 8_000)) / 10
def kind(call):
    try:
        return "works" if np.all(np.abs(call(stems, found)) > 19) else "wrong"
    except Exception as error:
        return type(error).__name__
seen = {name: kind(getattr(fast_bss_eval, name)) for name in ("sdr", "si_sdr", "sdr_loss")}
print("fast-bss-eval", version("fast-bss-eval"), "with numpy", version("numpy") + ":", seen)
raise SystemExit(0 if list(seen.values()) == ["works", "AttributeError", "ValueError"] else "changed")
P
