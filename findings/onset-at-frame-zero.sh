#!/usr/bin/env bash
# Sixteen kicks of a loop at 126.5 BPM, the first at frame 0. Expected: sixteen onsets and beats, or all of them a little late. Seen: librosa 0.11.0
# `onset_detect` and `beat_track` and essentia 2.1b6.dev1389 `RhythmExtractor2013` leave out the first, so a loop cut at what they find begins on beat
# two; aubio-ledfx 0.4.12 and essentia's `OnsetRate` find it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q librosa==0.11.0 essentia==2.1b6.dev1389 aubio-ledfx==0.4.12 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - 2>/dev/null <<'P'
import aubio, essentia.standard, librosa, numpy as np
beats = [round(beat * 60 / 126.5 * 44_100) for beat in range(16)]
kick = np.exp(-np.arange(8000) / 1500) * np.sin(2 * np.pi * 60 * np.arange(8000) / 44_100) * np.linspace(1, 0, 8000)
loop = np.zeros(334_672, np.float32)
for beat in beats:
    loop[beat : beat + 8000] += kick
detector = aubio.onset("default", 1024, 512, 44_100)
found = {
    "librosa onset_detect": librosa.onset.onset_detect(y=loop, sr=44_100, units="time"),
    "librosa beat_track": librosa.beat.beat_track(y=loop, sr=44_100, units="time")[1],
    "essentia RhythmExtractor2013": essentia.standard.RhythmExtractor2013()(loop)[1],
    "essentia OnsetRate": essentia.standard.OnsetRate()(loop)[0],
    "aubio onset": [detector.get_last_s() for start in range(0, len(loop) - 511, 512) if detector(loop[start : start + 512])],
}
seen = {name: [len(times), round(float(times[0]), 2)] for name, times in found.items()}
print("librosa", librosa.__version__, "count and first time in seconds:", seen)
missed = [name for name, (count, first) in seen.items() if count == 15 and first > 0.4]
raise SystemExit(0 if missed == list(found)[:3] and all(seen[name][0] == 16 and seen[name][1] < 0.1 for name in list(found)[3:]) else 1)
P
