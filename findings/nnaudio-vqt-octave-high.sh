#!/usr/bin/env bash
# nnAudio 0.3.4 `VQT` of tones at 44,100 Hz. Expected: the same bins as its own `CQT1992v2` and librosa 0.11.0. Seen: twelve bins, an octave, too high, and
# tones of its top octave vanish; at 48,000 Hz as well, while 22,050 Hz is right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q nnAudio==0.3.4 torch==2.13.0 numpy==2.4.6 librosa==0.11.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import librosa, nnAudio.features as features, numpy as np, torch
found = {}
for rate in (44_100, 48_000, 22_050):
    for hertz in (440, 1760, 3520):
        tone = np.sin(2 * np.pi * hertz * np.arange(3 * rate) / rate).astype(np.float32)
        rows = [kind(sr=rate, hop_length=512, verbose=False)(torch.from_numpy(tone))[0].numpy() for kind in (features.VQT, features.CQT1992v2)]
        rows.append(np.abs(librosa.cqt(tone, sr=rate, hop_length=512)))
        middle = [row[:, row.shape[1] // 2] for row in rows]
        found[rate, hertz] = [int(each.argmax()) for each in middle] + [round(float(middle[0].max() / middle[1].max()), 3)]
print("nnAudio", version("nnAudio"), "bin in VQT, in CQT1992v2, in librosa's, level of the first beside the second:", found)
high = all(found[rate, 440][:3] == [57, 45, 45] and found[rate, 1760][:3] == [81, 69, 69] and found[rate, 3520][3] < 0.01 for rate in (44_100, 48_000))
raise SystemExit(0 if high and found[22_050, 440][:3] == [45] * 3 and found[22_050, 3520][3] > 0.9 else "changed")
P
