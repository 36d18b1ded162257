#!/usr/bin/env bash
# miniaudio 1.71 `decode_file(sample_rate=22050)` folds what lies above 11 kHz back: a tone of 15,000 Hz in a file of 48 kHz becomes one
# of 7,050 Hz, 21 dB below. soxr 1.1.0 leaves less than -100 dB of it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q miniaudio==1.71 soxr==1.1.0 soundfile==0.14.0 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import miniaudio, numpy as np, soundfile, soxr
tone = np.sin(2 * np.pi * 15_000 * np.arange(96_000) / 48_000).astype("float32") / 2
soundfile.write("tone.wav", tone, 48_000, subtype="FLOAT")
read = miniaudio.decode_file("tone.wav", nchannels=1, sample_rate=22_050, output_format=miniaudio.SampleFormat.FLOAT32).samples
def db(audio):
    """Level at 7,050 Hz, relative to the tone."""
    part = np.asarray(audio)[1000:23_050] * np.hanning(22_050)
    return 20 * np.log10(np.abs(np.fft.rfft(part))[7050] / (22_050 / 8))
found = round(float(db(read)), 1), round(float(db(soxr.resample(tone, 48_000, 22_050))), 1)
print("miniaudio", version("miniaudio"), "soxr", version("soxr"), "dB at 7,050 Hz:", found)
raise SystemExit(0 if found[0] > -30 and found[1] < -100 else "changed")
P
