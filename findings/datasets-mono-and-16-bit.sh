#!/usr/bin/env bash
# datasets 5.2.0 `Audio` (torchcodec 0.17.0). Expected: a float array put in comes out as it was, and mono is one thing. Seen: the array is stored as a
# 16-bit WAV, so what is above 1 is clipped and what is below 0.00001 is 0, without a word; and of a stereo file `Audio()["array"]` is the mean of both
# sides, with `num_channels=1` it is 3 dB louder, above full scale.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q datasets==5.2.0 torch==2.14.1 torchcodec==0.17.0 numpy==2.4.6 soundfile==0.14.0 2>/dev/null
HF_HUB_OFFLINE=1 HF_HOME=$work v/bin/python -W ignore - <<'P'
import io
import datasets, numpy as np, soundfile
array = np.float32([0.5, 1e-5, 1.5, -1.5] * 1000)
stored = datasets.Dataset.from_list([{"audio": {"array": array, "sampling_rate": 44_100}}], features=datasets.Features({"audio": datasets.Audio()}))
kind = soundfile.info(io.BytesIO(stored.cast_column("audio", datasets.Audio(decode=False))[0]["audio"]["bytes"])).subtype
values = [round(float(value), 4) for value in stored[0]["audio"]["array"][:4]]
tone = 0.9 * np.sin(2 * np.pi * 441 * np.arange(44_100) / 44_100)
soundfile.write("stereo.wav", np.stack([tone, tone], 1), 44_100, subtype="PCM_24")
files, peaks = datasets.Dataset.from_dict({"audio": ["stereo.wav"]}), []
for feature in (datasets.Audio(), datasets.Audio(num_channels=1)):
    peaks.append(round(float(np.abs(files.cast_column("audio", feature)[0]["audio"]["array"]).max()), 3))
print("datasets", datasets.__version__, "stored as", kind, values, "; peak of mono:", peaks)
raise SystemExit(0 if kind == "PCM_16" and values == [0.5, 0, 1, -1] and peaks == [0.9, 1.273] else "changed")
P
