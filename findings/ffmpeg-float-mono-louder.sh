#!/usr/bin/env bash
# ffmpeg 5.1 `-ac 1` of the same stereo tone (both sides alike), written as 16-bit and as float. Expected: the same level. Seen: the float file is 3 dB
# louder and peaks at 1.27 where both sides peak at 0.9, as only whole-number samples are kept from overflow. PyAV 18.1.0 does the same.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || apt-get install -yqq ffmpeg >/dev/null 2>&1
python3 -m venv v; v/bin/pip install -q av==18.1.0 numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python -W ignore - <<'P'
import subprocess, av, numpy as np, soundfile
tone = 0.9 * np.sin(2 * np.pi * 441 * np.arange(44_100) / 44_100)
soundfile.write("stereo.wav", np.stack([tone, tone], 1), 44_100, subtype="PCM_24")
found = {}
for kind in ("pcm_s16le", "pcm_s24le", "pcm_f32le"):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "stereo.wav", "-ac", "1", "-c:a", kind, "mono.wav"], check=True)
    found[kind] = round(float(np.abs(soundfile.read("mono.wav")[0]).max()), 3)
for kind, full in (("s16", 32_768), ("flt", 1)):
    resampler = av.AudioResampler(format=kind, layout="mono", rate=44_100)
    with av.open("stereo.wav") as file:
        found["PyAV " + kind] = round(max(float(np.abs(each.to_ndarray() / full).max()) for frame in file.decode(audio=0) for each in resampler.resample(frame)), 3)
program = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split()[2]
print("ffmpeg", program, "PyAV", av.__version__, "peak of the mono file:", found)
raise SystemExit(0 if found == {"pcm_s16le": 0.9, "pcm_s24le": 0.9, "pcm_f32le": 1.273, "PyAV s16": 0.9, "PyAV flt": 1.273} else "changed")
P
