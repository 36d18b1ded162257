#!/usr/bin/env bash
# SoX 14.4.2 copying an AIFF that loops as a whole (markers 1 and 2). Expected: the same loop. Seen: one marker counted, two written, both called
# 1, and a loop that ends at a marker 3: SoX reads its own loop back as 0 to 0, and sndfile-convert (libsndfile 1.2) ends it at 4,294,967,295.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in sox:sox sndfile-convert:sndfile-programs; do
  command -v ${program%:*} >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ${program#*:} >/dev/null; }
done
cat >make.py <<'P'
import struct
N = 33_333
def chunk(name, data):
    return name + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
def marker(number, frame, name):
    return struct.pack(">HI", number, frame) + bytes([len(name)]) + name + b"\0" * ((len(name) + 1) % 2)
body = chunk(b"COMM", struct.pack(">hIhHQ", 1, N, 16, 0x400E, 44_100 << 48))
body += chunk(b"MARK", struct.pack(">H", 2) + marker(1, 0, b"beg loop") + marker(2, N, b"end loop"))
body += chunk(b"INST", struct.pack(">6bh3H3H", 60, 0, 0, 127, 1, 127, 0, 1, 1, 2, 0, 0, 0))
body += chunk(b"SSND", bytes(8 + 2 * N))
open("in.aiff", "wb").write(b"FORM" + struct.pack(">I", 4 + len(body)) + b"AIFF" + body)
P
python3 make.py
sox in.aiff out.aiff
sndfile-convert in.aiff in.wav; sndfile-convert out.aiff out.wav
loop() { soxi -V3 "$1" 2>&1 | tr '\n' ' ' | sed -E 's/.*Loop 0: start: *([0-9]+).* end: *([0-9]+).*/\1-\2/'; }
sox --version; dpkg-query -W -f '${Package} ${Version}\n' sndfile-programs
echo "SoX's own view of the loop, before and after: $(loop in.aiff), $(loop out.aiff)"
BEFORE=$(loop in.aiff) AFTER=$(loop out.aiff) python3 - <<'P'
import os, struct
def smpl(path):
    data = open(path, "rb").read()
    return struct.unpack_from("<II", data, data.index(b"smpl") + 8 + 36 + 8)
aiff = open("out.aiff", "rb").read()
at = aiff.index(b"MARK")
size, count = struct.unpack_from(">IH", aiff, at + 4)
marks = [struct.unpack_from(">HI", aiff, at + 10 + 8 * n) for n in range((size - 2) // 8)]
loop = struct.unpack_from(">3H", aiff, aiff.index(b"INST") + 16)
found = smpl("in.wav"), smpl("out.wav")
print("markers counted", count, "written as (number, frame)", marks, "loop (mode, from, to)", loop, "smpl loop before and after", *found)
same = count == 1 and marks == [(1, 0), (1, 33_333)] and loop == (1, 1, 3) and found == ((0, 33_332), (0, 2**32 - 1))
raise SystemExit(0 if same and (os.environ["BEFORE"], os.environ["AFTER"]) == ("0-33333", "0-0") else "changed")
P
