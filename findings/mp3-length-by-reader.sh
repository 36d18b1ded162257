#!/usr/bin/env bash
# Four bars (334,672 frames) as MP3 by LAME 3.100, whose tag tells delay and padding. Expected: readers of tags give 334,672 frames, or all count the
# padding. Seen: mutagen 1.48.1 and soundfile 0.14.0 the former, tinytag 2.3.2 and music-metadata 12.1.0 (npm) 1,712 frames (39 ms) more, so a player that
# loops by their duration has a gap.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v lame >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends lame >/dev/null; }
python3 -m venv v; v/bin/pip install -q tinytag==2.3.2 mutagen==1.48.1 soundfile==0.14.0 numpy==2.4.6 2>/dev/null
npm init -y >/dev/null; npm install --silent --no-audit --no-fund music-metadata@12.1.0 >/dev/null 2>&1
v/bin/python -c "import numpy as n, soundfile; soundfile.write('x.wav', 0.5 * n.sin(n.arange(334_672) / 16), 44_100)"
lame --quiet x.wav x.mp3
lame --version | sed -n 1p
cat >t.mjs <<'J'
import { parseFile } from "music-metadata";
console.log(Math.round((await parseFile("x.mp3", { duration: true })).format.duration * 44100));
J
FOUND=$(node t.mjs) v/bin/python - <<'P'
import os
from importlib.metadata import version
import mutagen, soundfile
from tinytag import TinyTag
found = {"soundfile": soundfile.info("x.mp3").frames, "mutagen": round(mutagen.File("x.mp3").info.length * 44_100)}
found |= {"tinytag": round(TinyTag.get("x.mp3").duration * 44_100), "music-metadata": int(os.environ["FOUND"])}
print({name: version(name) for name in ("soundfile", "mutagen", "tinytag")}, "frames of 334,672:", found)
raise SystemExit(0 if list(found.values()) == [334_672, 334_672, 336_384, 336_384] else "changed")
P
