#!/usr/bin/env bash
# acidcat 2.0.1 taking looped samples out of an IT module and out of a SoundFont. Expected: WAVs with a `smpl` loop, as acidcat reads and shows such
# loops, and as xmodits and Polyphone write them. Seen: the audio is right, both WAVs have no loop, without a word.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q acidcat==2.0.1 2>/dev/null
cat >make.py <<'P'
import struct
N = 1000
data = struct.pack(f"<{N}h", *range(N))
head = struct.pack("<4s26s9H6BHII", b"IMPM", b"x", 0x1004, 1, 0, 1, 0, 0x214, 0x214, 9, 0, 128, 48, 6, 125, 128, 0, 0, 0, 0)
head += bytes([32] * 64 + [64] * 64) + bytes([255])
at = len(head) + 4
sample = struct.pack("<4s12s4B26s2B7I4B", b"IMPS", b"x", 0, 64, 1 | 2 | 16, 64, b"x", 1, 0, N, 0, N, 44_100, 0, 0, at + 80, 0, 0, 0, 0)
open("loop.it", "wb").write(head + struct.pack("<I", at) + sample + data)
def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content
def records(form, *rows):
    return b"".join(struct.pack("<" + form, *row) for row in rows)
mod = struct.pack("<HHhHH", 0, 0, 0, 0, 0)
parts = {
    b"phdr": records("20s3H3I", (b"loop", 0, 0, 0, 0, 0, 0), (b"EOP", 0, 0, 1, 0, 0, 0)), b"pbag": records("HH", (0, 0), (1, 0)),
    b"pmod": mod, b"pgen": records("HH", (41, 0), (0, 0)), b"inst": records("20sH", (b"loop", 0), (b"EOI", 1)),
    b"ibag": records("HH", (0, 0), (2, 0)), b"imod": mod, b"igen": records("HH", (54, 1), (53, 0), (0, 0)),
    b"shdr": records("20s5IBbHH", (b"loop", 0, N, 0, N, 44_100, 60, 0, 0, 1), (b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)),
}
info = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"loop\0\0")
body = chunk(b"LIST", b"INFO" + info) + chunk(b"LIST", b"sdta" + chunk(b"smpl", data + bytes(92)))
body += chunk(b"LIST", b"pdta" + b"".join(chunk(name, content) for name, content in parts.items()))
open("loop.sf2", "wb").write(chunk(b"RIFF", b"sfbk" + body))
P
python3 make.py
v/bin/acidcat extract loop.it -o from-it >/dev/null 2>&1; v/bin/acidcat convert loop.sf2 -o from-sf2 >/dev/null 2>&1
v/bin/acidcat --version
python3 - <<'P'
import pathlib, struct
audio, found = struct.pack("<1000h", *range(1000)), {}
for source in ("it", "sf2"):
    wav = next(pathlib.Path(f"from-{source}").rglob("*.wav")).read_bytes()
    found[source] = audio in wav, b"smpl" in wav
print("audio right, loop kept:", found)
raise SystemExit(0 if set(found.values()) == {(True, False)} else "changed")
P
