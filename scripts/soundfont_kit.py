"""Take the drums out of a SoundFont and write variants of each as one-shots, a kit to train on: `scripts/kits.sh`.

    python scripts/soundfont_kit.py FluidR3_GM.sf2 data/kits/fluid

Each sample becomes eight files: as it is, and at other speeds, with other tone, drive and length. SoundFont 2.04 (1998)
keeps 16-bit samples in the chunk smpl and their names, places and rates in shdr.
"""

import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

VARIANTS = 8
LONGEST_SECONDS = 2.5
# What a sample is called there, and what a kit calls it (fourfloor.producer.kits).
ROLES = (
    ("kick", r"kick|bass drum \d"), ("snare", r"snare"), ("clap", r"clap"), ("open hat", r"half-open|open hat"),
    ("hat", r"closed hat|hi-hat (closed|foot)"), ("rim", r"rim tap|sticks"), ("ride", r"^808 ride|^ride"),
    ("conga", r"conga|bongo"), ("shaker", r"shaker|maracas"), ("cowbell", r"cow ?bell|clave|tambourine"),
)  # fmt: skip


def samples(content: bytes) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield name, rate and int16 samples of every mono or left sample."""
    chunks = dict(walk(content, 0, len(content)))
    data = np.frombuffer(content, "<i2", chunks[b"smpl"][1] // 2, chunks[b"smpl"][0])
    start, size = chunks[b"shdr"]
    for at in range(start, start + size, 46):
        name, first, end, _, _, rate, _, _, _, kind = struct.unpack_from("<20sIIIIIBbHH", content, at)
        if kind in (1, 4):
            yield name.split(b"\0")[0].decode("latin1"), rate, data[first:end]


def walk(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the id of every chunk with the place and size of its content, inside of lists, too."""
    while start < end - 8:
        name, size = struct.unpack_from("<4sI", content, start)
        if name in (b"RIFF", b"LIST"):
            yield from walk(content, start + 12, start + 8 + size)
        else:
            yield name, (start + 8, size)
        start += 8 + size + size % 2


def varied(hit: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return a one-shot (n,) at another speed, with another tone, drive and length."""
    speed = np.exp(rng.uniform(-0.45, 0.45))
    hit = np.interp(np.arange(0, len(hit) - 1, speed), np.arange(len(hit)), hit)
    hertz = np.fft.rfftfreq(len(hit), 1 / rate)
    knobs = rng.normal(0, 5, 6)
    tone = np.interp(np.log2(np.maximum(hertz, 30) / 30), np.linspace(0, 9.5, 6), knobs)
    hit = np.fft.irfft(np.fft.rfft(hit) * 10 ** (tone / 20), len(hit))
    hit /= np.abs(hit).max() + 1e-9
    drive = np.exp(rng.uniform(-1.5, 1.5))
    hit = np.tanh(drive * hit) / np.tanh(drive)
    return hit * np.exp(-np.arange(len(hit)) / rate * rng.uniform(0, 8))


def main(source: Path, out: Path) -> None:
    """Write the kit."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    written = 0
    for name, rate, values in samples(source.read_bytes()):
        role = next((role for role, pattern in ROLES if re.search(pattern, name.lower())), None)
        if role is None or len(values) > LONGEST_SECONDS * rate:
            continue
        hit = values / 32768
        for variant in range(VARIANTS):
            sound = varied(hit, rate, rng) if variant else hit
            soundfile.write(out / f"{role} {written:03d}.wav", sound / (np.abs(sound).max() + 1e-9), rate)
            written += 1
    print(f"{out}: {written} one-shots")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
