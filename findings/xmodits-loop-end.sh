#!/usr/bin/env bash
# xmodits-py 0.3.5 takes a sample of 1,000 frames that loops as a whole out of an IT module. Expected: a smpl loop from 0 to 999, the last frame
# that sounds. Seen: to 1,000, the first frame behind it as IT counts, which the WAV does not have: a sampler adds a frame to each pass.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q xmodits-py==0.3.5 2>/dev/null
v/bin/python - <<'P'
import pathlib, struct
from importlib.metadata import version
import xmodits
N = 1000
head = struct.pack("<4s26s9H6BHII", b"IMPM", b"x", 0x1004, 1, 0, 1, 0, 0x214, 0x214, 9, 0, 128, 48, 6, 125, 128, 0, 0, 0, 0)
head += bytes([32] * 64 + [64] * 64) + bytes([255])
at = len(head) + 4
sample = struct.pack("<4s12s4B26s2B7I4B", b"IMPS", b"x", 0, 64, 1 | 2 | 16, 64, b"x", 1, 0, N, 0, N, 44_100, 0, 0, at + 80, 0, 0, 0, 0)
data = struct.pack(f"<{N}h", *range(N))
pathlib.Path("x.it").write_bytes(head + struct.pack("<I", at) + sample + data)
pathlib.Path("out").mkdir()
xmodits.dump("x.it", "out")
wav = next(pathlib.Path("out").rglob("*.wav")).read_bytes()
loop = struct.unpack_from("<II", wav, wav.index(b"smpl") + 8 + 36 + 8)
frames = struct.unpack_from("<I", wav, wav.index(b"data") + 4)[0] // 2
print("xmodits-py", version("xmodits-py"), "frames", frames, "loop from and to", loop, "audio kept", data in wav)
raise SystemExit(0 if (frames, loop) == (N, (0, N)) and data in wav else "changed")
P
