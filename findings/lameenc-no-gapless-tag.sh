#!/usr/bin/env bash
# lameenc 1.9.0 encoding four bars. Expected: an MP3 as `lame` 3.100 writes it, with the LAME header from which players take off delay and padding. Seen:
# no such header, so soundfile 0.14.0 reads it 1,712 frames longer and 1,105 later, where it reads lame's file exactly: the loop has a gap of 39 ms.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v lame >/dev/null || apt-get install -yqq lame >/dev/null 2>&1
python3 -m venv v; v/bin/pip install -q lameenc==1.9.0 numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import subprocess, lameenc, numpy as np, soundfile
noise = (np.random.default_rng(0).uniform(-0.3, 0.3, 334_672) * 32_767).astype(np.int16)
encoder = lameenc.Encoder()
encoder.set_bit_rate(192); encoder.set_in_sample_rate(44_100); encoder.set_channels(1); encoder.silence()
open("lameenc.mp3", "wb").write(encoder.encode(noise.tobytes()) + encoder.flush())
soundfile.write("loop.wav", noise, 44_100)
subprocess.run(["lame", "--quiet", "-b", "192", "loop.wav", "lame.mp3"], check=True)
found = {}
for name in ("lameenc.mp3", "lame.mp3"):
    read = soundfile.read(name)[0]
    spectra = np.fft.rfft(read[:334_672], 2**20), np.fft.rfft(noise / 32_767, 2**20)
    found[name] = [len(read) - len(noise), int(np.fft.irfft(spectra[0] * spectra[1].conj()).argmax()), b"LAME" in open(name, "rb").read(1000)]
print("lameenc", version("lameenc"), "frames more, frames later, LAME header:", found)
raise SystemExit(0 if found == {"lameenc.mp3": [1712, 1105, False], "lame.mp3": [0, 0, True]} else "changed")
P
