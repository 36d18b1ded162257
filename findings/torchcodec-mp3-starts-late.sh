#!/usr/bin/env bash
# torchcodec 0.17.0 (ffmpeg 5.1) `get_samples_played_in_range` for the four bars of an MP3 of four bars. Expected: four times 83,668 samples, as of a WAV,
# since the whole decodes to 334,672. Seen: the first bar lacks 1,105 samples and the last one's end never comes, as its clock starts at 25 ms, the
# encoder's delay, which it has already taken off.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q torch==2.14.1 torchcodec==0.17.0 numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np, soundfile
from torchcodec.decoders import AudioDecoder
bar, found = 240 / 126.5, {}
for name in ("loop.wav", "loop.mp3"):
    soundfile.write(name, np.random.default_rng(0).uniform(-0.3, 0.3, 334_672), 44_100)
    decoder = AudioDecoder(name)
    bars = [decoder.get_samples_played_in_range(i * bar, (i + 1) * bar).data.shape[1] for i in range(4)]
    whole = decoder.get_all_samples()
    found[name] = [whole.data.shape[1], round(whole.pts_seconds, 5), bars]
print("torchcodec", version("torchcodec"), "samples, first time stamp, samples of each bar:", found)
expected = {"loop.wav": [334_672, 0, [83_668] * 4], "loop.mp3": [334_672, 0.02506, [82_563, *[83_668] * 3]]}
raise SystemExit(0 if found == expected else "changed")
P
