#!/usr/bin/env bash
# auraloss 0.4.0 `MultiResolutionSTFTLoss` between noise and silence. Expected: about the same both ways. Seen: 10 where the target is the noise, 15,000
# where it is the silence, and still 17 with the noise at -80 dB: one resting stem in a batch decides the step.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q auraloss==0.4.0 torch==2.13.0 numpy==2.4.6 scipy==1.17.1 librosa==0.11.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import auraloss, torch
torch.manual_seed(0)
loss, noise, silence = auraloss.freq.MultiResolutionSTFTLoss(), 0.1 * torch.randn(1, 1, 44_100), torch.zeros(1, 1, 44_100)
found = {"target noise": loss(silence, noise).item(), "target silence": loss(noise, silence).item(), "and -80 dB": loss(noise / 1000, silence).item()}
print("auraloss", version("auraloss"), {name: round(value, 1) for name, value in found.items()})
raise SystemExit(0 if found["target noise"] < 15 and found["target silence"] > 10_000 and 10 < found["and -80 dB"] < 25 else "changed")
P
