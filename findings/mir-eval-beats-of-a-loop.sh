#!/usr/bin/env bash
# mir_eval 0.8.2 beat.evaluate drops all beats before 5 s, so beats compared with themselves score 0 in every measure where a loop
# ends earlier (two bars at 126 BPM), and 1 where it is longer.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q mir_eval==0.8.2 numpy==2.4.6 scipy==1.17.1 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np, mir_eval
scores = {}
for bars in (2, 4):
    beats = np.arange(4 * bars) * 60 / 126
    scores[bars] = {float(score) for score in mir_eval.beat.evaluate(beats, beats).values()}
print("mir_eval", version("mir_eval"), "all scores of beats against themselves, by bars:", scores)
raise SystemExit(0 if scores == {2: {0.0}, 4: {1.0}} else "changed")
P
