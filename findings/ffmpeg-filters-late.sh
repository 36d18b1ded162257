#!/usr/bin/env bash
# ffmpeg 5.1 filters set so that they change nothing, on a loop. Expected: the same frames in the same place. Seen: the same
# length, but `afftdn` puts them 25 ms later, `anlmdn` 8 ms, `superequalizer` 93 ms, and as much of the end is lost; `firequalizer` is 10 ms late and 20 ms
# longer, with `zero_phase` as well.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || apt-get install -yqq ffmpeg >/dev/null 2>&1
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python -W ignore - <<'P'
import subprocess, numpy as np, soundfile
loop = np.random.default_rng(0).uniform(-0.25, 0.25, 334_672)
soundfile.write("loop.wav", loop, 44_100, subtype="FLOAT")
found = {}
for name in ("volume=1", "afftdn=nr=0.01", "anlmdn=s=0.00001", "superequalizer", "firequalizer", "firequalizer=zero_phase=on"):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "loop.wav", "-af", name, "-c:a", "pcm_f32le", "out.wav"], check=True)
    out = soundfile.read("out.wav")[0]
    later = int(np.fft.irfft(np.fft.rfft(out, 2**20) * np.fft.rfft(loop, 2**20).conj()).argmax())
    kept = min(len(out) - later, len(loop))
    rest = np.std(out[later:][:kept] - loop[:kept]) / np.std(loop)
    found[name] = [later, len(out) - len(loop), round(float(rest), 2)]
program = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split()[2]
print("ffmpeg", program, "frames later, frames longer, what differs in place:", found)
later = {name: values[0] for name, values in found.items()}
expected = {"volume=1": 0, "afftdn=nr=0.01": 1102, "anlmdn=s=0.00001": 353, "superequalizer": 4095, "firequalizer": 441, "firequalizer=zero_phase=on": 441}
raise SystemExit(0 if later == expected and all(values[2] < 0.02 for values in found.values()) else "changed")
P
