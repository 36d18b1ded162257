"""Measure which copies the index finds: python scripts/measure_recall.py FILE.json [--loops 20] [--hours 130].

Loops of the bundled model's produced training music are rendered again and changed: turned, lossy, in noise, equalized,
transposed, stretched, two of these at once, or in part inside a loop that was not trained on. What the search of every
2 s finds (the code before the index, `--against`), the index must find: among the 12 hours that the model was trained
on, and among more (`measure_scale.music`: the same, and mixtures). FILE keeps all scores. CPU-seconds of one thread.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import soundfile
from measure_scale import music

from fourfloor import loading
from fourfloor.copies import fingerprints
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.policy import COPY_LIMIT
from fourfloor.copies.postings import Postings
from fourfloor.copies.windows import Windows
from fourfloor.producer import render_loop
from fourfloor.signal.analysis import ANALYSIS_RATE, mono, to_analysis_rate

RATE = 44_100
SEMITONE = 2 ** (1 / 12)
PARTS = (0.1, 0.2, 0.3, 0.5)
UNKNOWN = 77_000_000  # seeds from here on made no training music
EARLIER = """
import json, sys, time
import numpy as np
from fourfloor import loading
from fourfloor.copies import fingerprints
from fourfloor.signal.analysis import ANALYSIS_RATE
index = fingerprints.load(loading.bundled_folder(loading.BUNDLED)).index
found = []
with np.load(sys.argv[1]) as loops:
    for number, bpm in enumerate(loops["bpms"].tolist()):
        start = time.process_time()
        match = index.search(loops[str(number)][None], ANALYSIS_RATE, bpm)
        found.append([match.score, time.process_time() - start])
print(json.dumps(found))
"""
Wave = np.ndarray


def transposed(wave: Wave, semitones: float) -> Wave:
    """Resample a closed loop `(samples,)`, which changes its pitch and speed."""
    size = round(len(wave) / SEMITONE**semitones)
    bins = np.zeros(size // 2 + 1, complex)
    known = scipy.fft.rfft(wave)[: len(bins)]
    bins[: len(known)] = known
    return scipy.fft.irfft(bins, size) * size / len(wave)


def lossy(wave: Wave, kind: str, subtype: str) -> Wave:
    """Encode at the lowest quality, and decode."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(wave, -1, 1), RATE, format=kind, subtype=subtype, compression_level=0.99)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def stretched(wave: Wave, pace: float) -> Wave:
    """Play a closed loop faster without transposing it: a phase vocoder."""
    hop, size = 512, 2048
    frames = len(wave) // hop
    rows = np.lib.stride_tricks.sliding_window_view(np.resize(wave, len(wave) + size), size)[np.arange(frames) * hop]
    bins = np.fft.rfft(rows * np.hanning(size), axis=1)
    count = round(frames / pace)
    at = np.arange(count) * frames / count
    left, share = at.astype(int) % frames, (at % 1)[:, None]
    right = (left + 1) % frames
    magnitude = np.abs(bins[left]) * (1 - share) + np.abs(bins[right]) * share
    steady = 2 * np.pi * hop * np.arange(size // 2 + 1) / size
    turn = steady + (np.angle(bins[right]) - np.angle(bins[left]) - steady + np.pi) % (2 * np.pi) - np.pi
    made = np.fft.irfft(magnitude * np.exp(1j * (np.cumsum(turn, axis=0) + np.angle(bins[:1]))), axis=1)
    out = np.zeros(count * hop + size)
    for number, row in enumerate(made * np.hanning(size)):
        out[number * hop : number * hop + size] += row
    out[:size] += out[-size:]
    return out[: count * hop] / 1.5


def equalized(wave: Wave) -> Wave:
    """Raise and lower bands by up to 8 dB."""
    hertz = np.maximum(np.fft.rfftfreq(len(wave), 1 / RATE), 20)
    return scipy.fft.irfft(scipy.fft.rfft(wave) * 10 ** (0.4 * np.sin(1.3 * np.log2(hertz))), len(wave))


def noisy(wave: Wave) -> Wave:
    """Add noise, 12 dB below the loop."""
    return wave + 0.25 * wave.std() * np.random.default_rng(len(wave)).standard_normal(len(wave))


def mp3(wave: Wave) -> Wave:
    """Encode as MP3."""
    return lossy(wave, "MP3", "MPEG_LAYER_III")


def ogg(wave: Wave) -> Wave:
    """Encode as Ogg Vorbis."""
    return lossy(wave, "OGG", "VORBIS")


# What is done to a loop, and how many times as fast it is afterward.
CHANGES: dict[str, tuple[Callable[[Wave], Wave], float]] = {
    "turned": (lambda wave: np.roll(wave, 12_345), 1),
    "MP3, lowest quality": (mp3, 1),
    "Ogg, lowest quality": (ogg, 1),
    "noise": (noisy, 1),
    "equalizer": (equalized, 1),
    **{f"{steps:+d} semitones": (lambda wave, steps=steps: transposed(wave, steps), SEMITONE**steps)  # type: ignore[misc]
       for steps in (-2, -1, 1, 2)},
    "4 % faster": (lambda wave: stretched(wave, 1.04), 1.04),
    "15 % faster": (lambda wave: stretched(wave, 1.15), 1.15),
    "15 % slower": (lambda wave: stretched(wave, 1 / 1.15), 1 / 1.15),
    "Ogg, 7 % faster": (lambda wave: ogg(stretched(wave, 1.07)), 1.07),
    "MP3, +1 semitone": (lambda wave: mp3(transposed(wave, 1)), SEMITONE),
}  # fmt: skip


def changed_loops(count: int) -> list[tuple[str, float, Wave]]:
    """Return (change, tempo, waveform at ANALYSIS_RATE) of `count` loops with each change, and three times of parts."""
    names = fingerprints.load(loading.bundled_folder(loading.BUNDLED)).index.table.names
    produced = sorted({name for name in names if name.startswith("produced-") and "/" not in name})
    rng, made = np.random.default_rng(1), []

    def add(change: str, bpm: float, wave: Wave) -> None:
        made.append((change, bpm, to_analysis_rate(mono(wave[None]), RATE).astype(np.float32)))

    for number, name in enumerate(rng.choice(produced, 3 * count, replace=False)):
        loop, host = render_loop(int(name.split("-")[1])), render_loop(UNKNOWN + number)
        wave, around = loop.waveform.mean(axis=0), host.waveform.mean(axis=0)
        if number < count:
            for change, (apply, pace) in CHANGES.items():
                add(change, loop.bpm * pace, apply(wave))
        fitted = transposed(wave, 12 * np.log2(host.bpm / loop.bpm))
        fitted *= around.std() / fitted.std()
        for part in PARTS:
            at = rng.integers(len(around)) + np.arange(int(part * len(around)))
            mixed = around.copy()
            mixed[at % len(around)] = fitted[at % len(fitted)]
            add(f"{part:.0%} of a loop", host.bpm, mixed)
        add("not trained on", host.bpm, around)
    return made


def earlier(loops: list[tuple[str, float, Wave]], commit: str, folder: Path) -> list[list[float]]:
    """Search with the code of a commit, in its own bundled music: score and CPU-seconds of each loop."""
    root = Path(__file__).resolve().parents[1]
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=root, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    waves = {str(number): wave for number, (_, _, wave) in enumerate(loops)}
    np.savez(folder / "loops.npz", bpms=np.array([bpm for _, bpm, _ in loops]), **waves)  # type: ignore[arg-type]
    command = [sys.executable, "-c", EARLIER, str(folder / "loops.npz")]
    told = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(folder / "src")}, check=True, capture_output=True
    )
    found: list[list[float]] = json.loads(told.stdout)
    return found


def measured(count: int, hours: float, commit: str) -> dict[str, Any]:
    """Search every loop three times, in the two indices by turns."""
    loops = changed_loops(count)
    with tempfile.TemporaryDirectory() as name:
        exact = earlier(loops, commit, Path(name))
        table, codes, levels = music(hours, Path(name))
        windows = Windows(codes, table.lengths, table.closed)
        large = CopyIndex(table, windows, levels, 8000.0, Postings.of(windows))
        small = fingerprints.load(loading.bundled_folder(loading.BUNDLED)).index
        rows = []
        for (change, bpm, wave), (score, seconds) in zip(loops, exact, strict=True):
            row: dict[str, Any] = {"change": change, "exact": score, "exact_cpu_s": seconds}
            for size, index in (("small", small), ("large", large)):
                start = time.process_time()
                row[size] = index.search(wave[None], ANALYSIS_RATE, bpm).score
                row[f"{size}_cpu_s"] = time.process_time() - start
            rows.append(row)
    return {"against": commit, "hours": hours, "rows": rows, "measured": time.strftime("%Y-%m-%d")}


def told(content: dict[str, Any]) -> None:
    """Print which copies were found, and how long a search took."""
    rows = content["rows"]
    print(f"| change | loops | copies for the earlier search | found in 12 h | in {content['hours']:g} h | found "
          "here alone |\n|---|---|---|---|---|---|")  # fmt: skip
    for change in dict.fromkeys(row["change"] for row in rows):
        these = [row for row in rows if row["change"] == change]
        copies = [row for row in these if row["exact"] >= COPY_LIMIT]
        found = [sum(row[size] >= COPY_LIMIT for row in copies) for size in ("small", "large")]
        alone = sum(row["small"] >= COPY_LIMIT > row["exact"] for row in these)
        print(f"| {change} | {len(these)} | {len(copies)} | {found[0]} | {found[1]} | {alone} |")
    for size in ("exact", "small", "large"):
        taken = [row[f"{size}_cpu_s"] for row in rows]
        print(f"{size}: median {np.median(taken):.3f}, mean {np.mean(taken):.3f} CPU-seconds a loop")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--loops", type=int, default=20)
    parser.add_argument("--hours", type=float, default=130)
    parser.add_argument("--against", default="bd7f4c0", help="a commit whose search compares every 2 s")
    given = parser.parse_args()
    if not given.file.exists():
        given.file.write_text(json.dumps(measured(given.loops, given.hours, given.against), indent=1) + "\n")
    told(json.loads(given.file.read_text()))
