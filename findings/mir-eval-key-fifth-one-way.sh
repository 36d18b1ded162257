#!/usr/bin/env bash
# mir_eval 0.8.2 `key.weighted_score` of two estimators that mix up C major and G major, one each way. Expected: 0.5 for both, as they are a fifth apart.
# Seen: 0.5 for G when C is right, 0 for C when G is right: only a fifth above counts, so a mean says which way the errors lie, not how far.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q mir_eval==0.8.2 numpy==2.4.6 scipy==1.17.1 2>/dev/null
v/bin/python -W ignore - <<'P'
import mir_eval
pairs = [("C major", "G major"), ("G major", "C major"), ("A minor", "E minor"), ("E minor", "A minor"), ("C major", "A minor"), ("A minor", "C major")]
found = {f"{right}, said {said}": float(mir_eval.key.weighted_score(right, said)) for right, said in pairs}
print("mir_eval", mir_eval.__version__, found)
raise SystemExit(0 if list(found.values()) == [0.5, 0, 0.5, 0, 0.3, 0.3] else "changed")
P
