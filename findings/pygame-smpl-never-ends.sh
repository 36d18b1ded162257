#!/usr/bin/env bash
# pygame-ce 2.5.8 (SDL_mixer 2.8), `mixer.music.play(0)`, documented to play once, of a WAV of 0.1 s. Expected: it ends. Seen: where the WAV has a
# `smpl` loop, it plays on and `get_busy` stays true, asked for 0 repeats or 1; `mixer.Sound` ends.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pygame-ce==2.5.8 2>/dev/null
SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy PYGAME_HIDE_SUPPORT_PROMPT=1 v/bin/python - <<'P'
import struct, time
from importlib.metadata import version
import pygame
N = 4_410
def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data
plain = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 44_100, 88_200, 2, 16)) + chunk(b"data", bytes(2 * N))
loop = chunk(b"smpl", struct.pack("<15I", 0, 0, 22_676, 60, 0, 0, 0, 1, 0, 0, 0, 0, N - 1, 0, 0))
for name, body in (("plain.wav", plain), ("loop.wav", plain + loop)):
    open(name, "wb").write(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
pygame.mixer.init(44_100, -16, 1, 512, allowedchanges=0)
def ends(busy):
    start = time.monotonic()
    while busy() and time.monotonic() - start < 3:
        time.sleep(0.01)
    return not busy()
found = {}
for name in ("plain.wav", "loop.wav"):
    for repeats in (0, 1):
        pygame.mixer.music.load(name)
        pygame.mixer.music.play(repeats)
        found[name, repeats] = ends(pygame.mixer.music.get_busy)
        pygame.mixer.music.stop()
found["loop.wav as Sound", 0] = ends(pygame.mixer.Sound("loop.wav").play(0).get_busy)
print("pygame-ce", version("pygame-ce"), "SDL_mixer", pygame.mixer.get_sdl_mixer_version(), "ended within 3 s, by file and repeats:", found)
pygame.mixer.quit()
raise SystemExit(0 if list(found.values()) == [True, True, False, False, True] else "changed")
P
