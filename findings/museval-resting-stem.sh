#!/usr/bin/env bash
# museval 0.4.1 bss_eval gives no score to any stem in a window where one stem rests, so a stem that an estimate loses wholly there
# keeps its median SDR of 20 dB.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q museval==0.4.1 numpy==1.26.4 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np, museval
second = 44_100
truth = .1 * np.random.default_rng(0).standard_normal((2, 8 * second, 1))
truth[0, 2 * second:4 * second] = 0  # the first stem rests
estimate = truth + .01 * np.random.default_rng(1).standard_normal(truth.shape)
whole = museval.metrics.bss_eval(truth, estimate, window=second, hop=second)[0]
estimate[1, 2 * second:4 * second] = 0  # the second is lost there
lost = museval.metrics.bss_eval(truth, estimate, window=second, hop=second)[0]
print("museval", version("museval"), "SDR of the second stem, whole and with 2 of 8 s lost:", whole[1].round(1), lost[1].round(1))
raise SystemExit(0 if np.isnan(whole[:, 2:4]).all() and np.array_equal(whole, lost, equal_nan=True) else "changed")
P
