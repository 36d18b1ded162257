#!/usr/bin/env bash
# librosa 0.11.0 `yin` and `pyin` on one second of a steady sine at 44,100 Hz, with their default frame and an `fmin` that fits it (no warning).
# Expected: within 5 cents. Seen: a sub bass of 55 Hz is 26 cents sharp, 110 Hz 10 cents, 440 Hz 2 cents; a sawtooth of 55 Hz only 3. A frame four times
# as long brings 55 Hz to 6 cents.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q librosa==0.11.0 numba==0.68.1 numpy==2.4.6 scipy==1.17.1 2>/dev/null
v/bin/python -W error::UserWarning - <<'P'
import librosa, numpy as np
rate = 44_100
time = np.arange(rate) / rate
def cents(found, frequency):
    return round(float(1200 * np.log2(np.nanmedian(found[10:-10]) / frequency)), 1)
seen = {}
for frequency in (55, 110, 440):
    seen[frequency] = cents(librosa.yin(np.sin(2 * np.pi * frequency * time), fmin=50, fmax=1000, sr=rate), frequency)
sub = np.sin(2 * np.pi * 55 * time)
seen["pyin 55"] = cents(librosa.pyin(sub, fmin=50, fmax=200, sr=rate)[0], 55)
seen["saw 55"] = cents(librosa.yin(sum(np.sin(2 * np.pi * 55 * k * time) / k for k in range(1, 12)), fmin=50, fmax=1000, sr=rate), 55)
seen["55, frame 8192"] = cents(librosa.yin(sub, fmin=50, fmax=1000, sr=rate, frame_length=8192), 55)
print("librosa", librosa.__version__, "cents sharp:", seen)
same = seen[55] > 20 and seen[110] > 8 and abs(seen[440]) < 4 and seen["pyin 55"] > 15 and abs(seen["saw 55"]) < 6 and seen["55, frame 8192"] < 8
raise SystemExit(0 if same else "changed")
P
