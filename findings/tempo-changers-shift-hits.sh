#!/usr/bin/env bash
# A tempo change of 1 % moves hits off the beat: SoX 14.4.2 `tempo` puts them 8 ms late, rubberband 3.1.2 4 ms early and
# ffmpeg 5.1 `atempo` 23 ms early, ending its file short by as much.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for p in sox:sox ffmpeg:ffmpeg rubberband:rubberband-cli; do
  command -v ${p%:*} >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ${p#*:}; }
done
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python - <<'P'
import numpy as np, soundfile as s
x, r = np.zeros(168000), np.random.default_rng(0)
for k in range(0, 168000, 10500): x[k:k + 400] = r.normal(0, .2, 400) * np.exp(-np.arange(400) / 80)
s.write("x.wav", x, 44100)
P
sox --version; ffmpeg -version | sed -n 1p; rubberband --version 2>&1 | tail -1
sox x.wav sox.wav tempo 1.01; ffmpeg -v error -i x.wav -af atempo=1.01 ffmpeg.wav; rubberband -q -T 1.01 x.wav rubberband.wav 2>/dev/null
v/bin/python - <<'P'
import numpy as np, soundfile as s
def measure(name):
    y = np.abs(s.read(name)[0]); shifts = []
    for k in range(10500, 157500, 10500):
        middle = round(k / 1.01); energy = np.cumsum(y[middle - 3500:middle + 3500] ** 2)
        shifts.append(int(np.searchsorted(energy, .05 * energy[-1])) - 3500)
    return float(round(np.median(shifts) / 44.1, 1)), len(y) - round(168000 / 1.01)
found = {n: measure(n + ".wav") for n in ("sox", "ffmpeg", "rubberband")}
for n, (shift, frames) in found.items(): print(f"{n}: hits {shift:+} ms, length {frames:+} frames")
sox, ff, rb = (found[n] for n in found)
raise SystemExit(0 if sox[0] > 5 and ff[0] < -15 and ff[1] < -700 and rb[0] < -2 else "changed")
P
