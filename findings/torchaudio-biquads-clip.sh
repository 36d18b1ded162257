#!/usr/bin/env bash
# torchaudio 2.11.0 `equalizer_biquad` at 0 dB and `Loudness`, on float tones. Expected: peaks above 1 pass, as in any float filter, and twice as loud is
# 6 dB more. Seen: every biquad clips at 1, without a word or a switch, and so does the weighting inside `Loudness`: a tone of 5 kHz that gets 6 dB louder,
# from a peak of 0.45 to 0.9, is measured 4.3 dB louder.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q torch==2.14.1 torchaudio==2.11.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
import math, torch, torchaudio
seconds = torch.arange(3 * 44_100) / 44_100
tone = torch.sin(2 * math.pi * 5000 * seconds)[None]
functional = torchaudio.functional
peaks = [functional.equalizer_biquad(1.5 * tone, 44_100, 1000.0, 0.0).abs().max(), functional.highpass_biquad(1.5 * tone, 44_100, 20.0).abs().max()]
loudness = torchaudio.transforms.Loudness(44_100)
levels = [loudness(gain * tone).item() for gain in (0.225, 0.45, 0.9)]
rises = [round(levels[i + 1] - levels[i], 2) for i in range(2)]
print("torchaudio", torchaudio.__version__, "peaks of 1.5 become", [round(peak.item(), 3) for peak in peaks], "; louder by 6.02 dB twice, measured:", rises)
raise SystemExit(0 if max(peaks) <= 1 and abs(rises[0] - 6.02) < 0.05 and rises[1] < 5 else "changed")
P
