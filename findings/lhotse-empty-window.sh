#!/usr/bin/env bash
# lhotse 1.33.0 `cut_into_windows(240 / bpm)` of loops of four bars, to the sample. Expected: four windows. Seen: at 5 of 21 tempi a fifth of no
# samples, which loads as an array of shape (1, 0): a remainder of less than half a sample counts as a window. (Without urllib3, which it does not
# require, 1.33.0 cannot be imported.)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q lhotse==1.33.0 numpy==2.2.6 soundfile==0.14.0 torch==2.13.0 urllib3==2.5.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np, soundfile
from lhotse import Recording
found, shapes = {}, set()
for tenths in range(1200, 1301, 5):
    bpm = tenths / 10
    soundfile.write("loop.wav", np.full(round(960 / bpm * 44_100), 0.1), 44_100)
    windows = list(Recording.from_file("loop.wav").to_cut().cut_into_windows(240 / bpm))
    found[bpm] = [window.num_samples for window in windows]
    shapes |= {window.load_audio().shape for window in windows[4:]}
more = {bpm: samples[4:] for bpm, samples in found.items() if len(samples) != 4}
print("lhotse", version("lhotse"), "of", len(found), "tempi, windows beyond the fourth, in samples:", more, "loaded as", shapes)
expected = dict.fromkeys((123.5, 125.5, 126.5, 129.5, 130.0), [0])
raise SystemExit(0 if more == expected and shapes == {(1, 0)} else "changed")
P
