#!/usr/bin/env bash
# A sample of 32 frames in an IT module with a ping-pong loop over all of them. Expected: one period, 64 frames, in all players. Seen: 63 in
# openmpt123 0.6.9 and xmp 4.1.0 (the first frame sounds once a turn, the last twice), 64 in MikMod 3.2.8: 27 cents apart.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; export HOME=$work
for program in xmp mikmod openmpt123; do
  command -v $program >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends $program >/dev/null; }
done
python3 - <<'P'
import struct
N = 32
data = struct.pack(f"<{N}h", *(1250 * n - 20_000 for n in range(N)))
rows = bytes([129, 3, 60, 1, 0]) + bytes(63)  # one note, C-5
for name, flags in (("forward", 1 | 2 | 16), ("pingpong", 1 | 2 | 16 | 64)):
    head = struct.pack("<4s26sHHHHHHHHHBBBBBBHII", b"IMPM", b"x", 0x1004, 2, 0, 1, 1, 0x214, 0x214, 9, 0, 128, 128, 6, 125, 128, 0, 0, 0, 0)
    head += bytes([32] * 64 + [64] * 64) + bytes([0, 255])
    at_sample = len(head) + 8; at_pattern = at_sample + 80; at_data = at_pattern + 8 + len(rows)
    sample = struct.pack("<4s12sBBBB26sBBIIIIIIIBBBB", b"IMPS", b"x", 0, 64, flags, 64, b"x", 1, 32, N, 0, N, 44_100, 0, 0, at_data, 0, 0, 0, 0)
    pattern = struct.pack("<HHI", len(rows), 64, 0) + rows
    open(f"{name}.it", "wb").write(head + struct.pack("<II", at_sample, at_pattern) + sample + pattern + data)
P
for name in forward pingpong; do
  timeout 60 openmpt123 --quiet --no-float --render --samplerate 44100 --filter 1 --ramping 0 $name.it </dev/null >/dev/null 2>&1
  mv $name.it.wav $name-openmpt.wav
  timeout 60 xmp --nocmd --norc -q -d wav -o $name-xmp.wav -f 44100 -b 16 -i nearest $name.it </dev/null >/dev/null 2>&1
  timeout 60 mikmod -norc -q -nointerpolate -nofadeout -d wav -f 44100 -o 16s -p 0 $name.it </dev/null >/dev/null 2>&1
  mv music.wav $name-mikmod.wav
done
python3 - <<'P'
import struct, wave
def period(path):
    """Frames from one rise through the middle to the next, on average."""
    w = wave.open(path); step = w.getnchannels() * w.getsampwidth(); d = w.readframes(200_000)
    x = [struct.unpack_from("<h", d, n * step)[0] for n in range(3_000, len(d) // step)]
    middle = (max(x) + min(x)) / 2
    rises = [n for n in range(1, len(x)) if x[n - 1] < middle <= x[n]]
    return round((rises[-1] - rises[0]) / (len(rises) - 1), 1)
found = {player: [period(f"{name}-{player}.wav") for name in ("forward", "pingpong")] for player in ("openmpt", "xmp", "mikmod")}
print("frames of a turn, forward and ping-pong:", found)
raise SystemExit(0 if found == {"openmpt": [32, 63], "xmp": [32, 63], "mikmod": [32, 64]} else "changed")
P
