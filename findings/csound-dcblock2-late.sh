#!/usr/bin/env bash
# Csound 6.18 `dcblock2`, which takes an offset out of audio, on one click. Expected: in place, as from `dcblock`. Seen: 254 frames (5.8 ms) late, by
# the two moving averages of 128 frames that it is made of; `dcblock2 a, 16` is 30 late. So a loop with and one without it no longer align.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v csound >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends csound >/dev/null; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 2>/dev/null
found=""
for operator in "dcblock a0" "dcblock2 a0" "dcblock2 a0, 16"; do
  cat >t.csd <<C
<CsoundSynthesizer>
<CsInstruments>
sr = 44100
ksmps = 32
nchnls = 1
0dbfs = 1
instr 1
  a0 mpulse 0.9, 0, 1000 / sr
  a1 $operator
  out a1
endin
</CsInstruments>
<CsScore>
i 1 0 0.2
</CsScore>
</CsoundSynthesizer>
C
  csound -d -W -f -o out.wav t.csd >log 2>&1
  found="$found$(v/bin/python -c "import numpy, soundfile; print(numpy.abs(soundfile.read('out.wav')[0]).argmax() - 1000)") "
done
grep -a "Csound version" log
echo "frames late, dcblock, dcblock2, dcblock2 of order 16: $found"
[ "$found" = "0 254 30 " ] || { echo changed; exit 1; }
