#!/usr/bin/env bash
# An IT sample whose C5Speed is the mixing rate, played at C-5. Expected: one sample a frame, in all three players.
# Seen: openmpt123 0.6.9 does; xmp 4.1.0 is 0.017 % slow and MikMod 3.2.8 0.05 %: they round the speed to their fine-tunes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; export HOME=$work
for program in xmp mikmod openmpt123; do
  command -v $program >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends $program >/dev/null; }
done
python3 - <<'P'
import struct
N = 200_000  # a click every 10,000 samples
data = b"".join(struct.pack("<h", 16000 if n % 10_000 < 6 else 0) for n in range(N))
rows = bytes([129, 3, 60, 1, 0]) + bytes(63)  # one note, C-5
head = struct.pack("<4s26sHHHHHHHHHBBBBBBHII", b"IMPM", b"x", 0x1004, 2, 0, 1, 1, 0x214, 0x214, 9, 0, 128, 128, 6, 125, 128, 0, 0, 0, 0)
head += bytes([32] * 64 + [64] * 64) + bytes([0, 255])
at_sample = len(head) + 8; at_pattern = at_sample + 80; at_data = at_pattern + 8 + len(rows)
sample = struct.pack("<4s12sBBBB26sBBIIIIIIIBBBB", b"IMPS", b"x", 0, 64, 3, 64, b"x", 1, 32, N, 0, 0, 44_100, 0, 0, at_data, 0, 0, 0, 0)
pattern = struct.pack("<HHI", len(rows), 64, 0) + rows
open("x.it", "wb").write(head + struct.pack("<II", at_sample, at_pattern) + sample + pattern + data)
P
timeout 60 openmpt123 --quiet --no-float --render --samplerate 44100 --filter 1 --ramping 0 x.it </dev/null >/dev/null 2>&1; mv x.it.wav openmpt.wav
timeout 60 xmp --nocmd --norc -q -d wav -o xmp.wav -f 44100 -b 16 -i nearest x.it </dev/null >/dev/null 2>&1
timeout 60 mikmod -norc -q -nointerpolate -nofadeout -d wav -f 44100 -o 16s -p 0 x.it </dev/null >/dev/null 2>&1; mv music.wav mikmod.wav
python3 - <<'P'
import struct, wave
def spacing(path):
    w = wave.open(path); step = w.getnchannels() * w.getsampwidth(); d = w.readframes(w.getnframes())
    x = [abs(struct.unpack_from("<h", d, n * step)[0]) for n in range(len(d) // step)]
    half = max(x) / 2; loud = [n for n, v in enumerate(x) if v > half]
    begins = [n for k, n in enumerate(loud) if not k or n - loud[k - 1] > 1000]
    return (begins[-1] - begins[0]) / (len(begins) - 1)
found = {name: spacing(f"{name}.wav") for name in ("openmpt", "xmp", "mikmod")}
print("clicks every", found)
assert found["openmpt"] == 10_000 and 10_001 < found["xmp"] < 10_003 and 10_004 < found["mikmod"] < 10_006
P
