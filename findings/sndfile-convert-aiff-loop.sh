#!/usr/bin/env bash
# sndfile-convert (libsndfile 1.2.0) of a file that loops as a whole, between WAV and AIFF. Expected: as it takes the loop from AIFF to WAV and
# from WAV to WAV, it takes it to AIFF. Seen: every AIFF it writes has no loop and no markers, even one made of a looped AIFF; exit 0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v sndfile-convert >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends sndfile-programs >/dev/null; }
cat >make.py <<'P'
import struct
N = 33_333
def chunk(order, name, data):
    return name + struct.pack(order + "I", len(data)) + data + b"\0" * (len(data) % 2)
wav = chunk("<", b"fmt ", struct.pack("<HHIIHH", 1, 1, 44_100, 88_200, 2, 16))
wav += chunk("<", b"smpl", struct.pack("<15I", 0, 0, 22_676, 60, 0, 0, 0, 1, 0, 0, 0, 0, N - 1, 0, 0)) + chunk("<", b"data", bytes(2 * N))
open("in.wav", "wb").write(b"RIFF" + struct.pack("<I", 4 + len(wav)) + b"WAVE" + wav)
aiff = chunk(">", b"COMM", struct.pack(">hIhHQ", 1, N, 16, 0x400E, 44_100 << 48))
aiff += chunk(">", b"MARK", struct.pack(">H", 2) + b"".join(struct.pack(">HI2s", n, frame, b"") for n, frame in ((1, 0), (2, N))))
aiff += chunk(">", b"INST", struct.pack(">6bh3H3H", 60, 0, 0, 127, 1, 127, 0, 1, 1, 2, 0, 0, 0)) + chunk(">", b"SSND", bytes(8 + 2 * N))
open("in.aiff", "wb").write(b"FORM" + struct.pack(">I", 4 + len(aiff)) + b"AIFF" + aiff)
P
python3 make.py
for way in wav:wav aiff:wav wav:aiff aiff:aiff; do sndfile-convert in.${way%:*} ${way%:*}-out.${way#*:}; done
dpkg-query -W -f '${Package} ${Version}\n' sndfile-programs
python3 - <<'P'
import struct
def loops(path):
    data = open(path, "rb").read()
    if path.endswith("wav"):
        at = data.find(b"smpl")
        return at > 0 and struct.unpack_from("<II", data, at + 52) == (0, 33_332)
    return b"INST" in data or b"MARK" in data
found = {path: loops(path) for path in ("in.wav", "in.aiff", "wav-out.wav", "aiff-out.wav", "wav-out.aiff", "aiff-out.aiff")}
print("whole loop kept in:", found)
raise SystemExit(0 if list(found.values()) == [True, True, True, True, False, False] else "changed")
P
