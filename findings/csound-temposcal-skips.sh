#!/usr/bin/env bash
# Csound 6.18 `temposcal` and `filescal` playing a file at its own tempo and pitch. Expected: it begins at the beginning. Seen: 1,024 frames in (23 ms at
# 44,100 Hz), by half their window of 2,048, so the attack of a loop's first kick is never heard and all hits are early; with a window of 512, 256.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v csound >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends csound >/dev/null; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python -c "import numpy, soundfile; soundfile.write('in.wav', numpy.random.default_rng(0).normal(0, 0.1, 65_536), 44_100)"
found=""
for operator in "temposcal 1, 1, 1, 1, 0" "filescal 1, 1, 1, \"in.wav\", 0" "temposcal 1, 1, 1, 1, 0, 512"; do
  cat >t.csd <<C
<CsoundSynthesizer>
<CsInstruments>
sr = 44100
ksmps = 32
nchnls = 1
0dbfs = 1
gi ftgen 1, 0, 0, 1, "in.wav", 0, 0, 0
instr 1
  a1 $operator
  out a1
endin
</CsInstruments>
<CsScore>
i 1 0 1.2
</CsScore>
</CsoundSynthesizer>
C
  csound -d -W -f -o out.wav t.csd >log 2>&1
  found="$found$(v/bin/python - <<'P'
import numpy as np, soundfile
size = 32_768
before, after = (np.fft.rfft(soundfile.read(name)[0][:size], 2 * size) for name in ("in.wav", "out.wav"))
lag = int(np.fft.irfft(before * np.conj(after)).argmax())
print(lag if lag < size else lag - 2 * size)
P
) "
done
grep -a "Csound version" log
echo "frames early, temposcal, filescal, temposcal with a window of 512: $found"
[ "$found" = "1024 1024 256 " ] || { echo changed; exit 1; }
