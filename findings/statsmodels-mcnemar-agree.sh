#!/usr/bin/env bash
# statsmodels 0.15.0 `mcnemar(exact=False)` on two systems that agree on all ten items (loops that pass, chords that are right). Expected: p = 1, or NaN.
# Seen: p = 0, the strongest difference there is: its correction for continuity makes the empty difference 1 / 0. `exact=True`, the default, gives 1.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 2>/dev/null
v/bin/python -W ignore - <<'P'
import statsmodels
from statsmodels.stats.contingency_tables import mcnemar
agree = [[5, 0], [0, 5]]
found = {name: float(mcnemar(agree, **options).pvalue) for name, options in {"exact": {}, "chi-squared": {"exact": False}}.items()}
print("statsmodels", statsmodels.__version__, "p of two systems that agree on ten of ten items:", found)
raise SystemExit(0 if found == {"exact": 1, "chi-squared": 0} else "changed")
P
