#!/usr/bin/env bash
# Csound 6.18: flooper2 over a whole table of M frames without crossfade repeats after M - 1 frames, not M.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v csound >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends csound; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python -c "import numpy as np, soundfile as s; s.write('in.wav', np.random.default_rng(0).uniform(-.5,.5,10000), 44100, subtype='PCM_24')"
cat >t.csd <<'C'
<CsoundSynthesizer>
<CsInstruments>
sr = 44100
ksmps = 1
nchnls = 1
0dbfs = 1
gi ftgen 1, 0, 0, 1, "in.wav", 0, 0, 0
instr 1
  a1 flooper2 1, 1, 0, ftlen(1)/sr, 0, 1
  out a1
endin
</CsInstruments>
<CsScore>
i 1 0 1
</CsScore>
</CsoundSynthesizer>
C
csound -d -W -f -o out.wav t.csd >log 2>&1; grep -a "Csound version" log
v/bin/python - <<'P'
import numpy as np, soundfile as s
x = s.read("out.wav")[0]
errors = {p: float(np.abs(x[500:9000] - x[500 + p:9000 + p]).max()) for p in range(9990, 10005)}
period = min(errors, key=errors.get)
print("frames 10000, period", period, "difference", errors[period])
raise SystemExit(period != 9999)
P
