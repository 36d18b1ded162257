#!/usr/bin/env bash
# auraloss 0.4.0 `FIRFilter("aw")`, the A-weighting of its perceptual losses, at 44,100 Hz. Expected: the standard's curve within 1 dB. Seen: within
# 1.8 dB from 100 Hz up, but 11 dB too loud at 50 Hz and 20 dB at 31.5 Hz, as its 101 taps resolve no lower: kicks and subs weigh more than they should.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q auraloss==0.4.0 torch==2.13.0 numpy==2.4.6 scipy==1.17.1 librosa==0.11.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import auraloss, numpy as np, scipy.signal
hertz, standard = np.array([31.5, 50, 100, 1000, 4000]), np.array([-39.4, -30.2, -19.1, 0, 1.0])
taps = auraloss.perceptual.FIRFilter(filter_type="aw", fs=44_100).fir.weight.detach().numpy().ravel()
gains = 20 * np.log10(np.abs(scipy.signal.freqz(taps, worN=hertz, fs=44_100)[1]))
off = (gains - standard).round(1)
print("auraloss", version("auraloss"), len(taps), "taps, dB above IEC 61672 at", hertz.tolist(), "Hz:", off.tolist())
raise SystemExit(0 if off[0] > 15 and off[1] > 8 and np.abs(off[2:]).max() < 3 else "changed")
P
