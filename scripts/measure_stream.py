"""Measure what `stream` promises: run it into a file for some minutes, then read that file again.

    python scripts/measure_stream.py --minutes 10 --data data/music

Prints the length, the greatest distance of a bar line from where arithmetic puts it, the resident memory over time, the
share of a core, and how alike the two most similar bars of different blocks are, beside those of the training tracks.
Alike means the correlation of the log mel spectra of two bars, each band without its mean over all bars.
"""

import argparse
import itertools
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from fourfloor.dataset import Dataset
from fourfloor.editing.streaming import BARS, bar_line
from fourfloor.signal import mel
from fourfloor.signal.beatgrid import SAMPLE_RATE, loop_frames
from fourfloor.signal.stft import N_FFT, resample_loop, stft

MELS = 40


def main() -> None:
    """Stream into a file and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--bpm", type=float, default=126.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="the training dataset")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stream.wav"
        memory = streamed(path, given.minutes, given.bpm, given.seed)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        waveform = soundfile.read(path, dtype="float32")[0].T
    seconds = waveform.shape[1] / SAMPLE_RATE
    print(f"length: {waveform.shape[1]} frames, {round(given.minutes * 60 * SAMPLE_RATE)} asked for")
    half = len(memory) // 2
    print(f"memory: {max(memory[:half])} MiB at most in the first half, {max(memory[half:])} in the second")
    print(f"CPU: {100 * (used.ru_utime + used.ru_stime) / seconds:.0f} % of one core in real time")
    blocks = seconds * given.bpm / 240 / BARS
    steps = [step_at(waveform, bar_line(given.bpm, BARS * block)) for block in range(1, int(blocks))]
    print(f"joints: {len(steps)}, greatest step {max(steps):.2f} of the greatest in the second around it")
    count = int(seconds * given.bpm / 240)
    halves = [offset_ms(waveform, given.bpm, range(*ends)) for ends in ((1, count // 2), (count // 2, count - 1))]
    print(f"bar lines: beat 1 begins {halves[0]:.1f} ms from the line in the first half, {halves[1]:.1f} in the second")
    bars = [bar_of(waveform, given.bpm, bar) for bar in range(count)]
    owner = [bar // BARS for bar in range(len(bars))]
    print(f"alike: the most similar bars of two blocks {most_alike(bars, owner):.3f}, "
          f"of blocks that are no neighbors {most_alike(bars, owner, 1):.3f}")  # fmt: skip
    if given.data:
        print(f"training tracks: the most similar bars of two loops of a track, median {of_tracks(given.data)}")


def streamed(path: Path, minutes: float, bpm: float, seed: int) -> list[int]:
    """Run the command; return its resident memory in MiB, every second after the first blocks."""
    command = ["-m", "fourfloor", "stream", "--bpm", f"{bpm:g}", "--minutes", f"{minutes:g}", "--seed", str(seed),
               "--out", str(path)]  # fmt: skip
    running, memory = subprocess.Popen([sys.executable, *command]), []
    while running.poll() is None:
        time.sleep(1)
        if path.exists() and path.stat().st_size > 2 * BARS * 10 * SAMPLE_RATE:
            status = Path(f"/proc/{running.pid}/status")
            found = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
            memory += [int(line.split()[1]) // 1024 for line in found]
    if running.returncode:
        raise SystemExit(f"stream ended with {running.returncode}")
    return memory


def step_at(waveform: np.ndarray, joint: int) -> float:
    """Return the step between the samples around a joint, as a share of the greatest step near it."""
    near = np.abs(np.diff(waveform[:, joint - SAMPLE_RATE // 2 : joint + SAMPLE_RATE // 2], axis=1)).max()
    return float(np.abs(waveform[:, joint] - waveform[:, joint - 1]).max() / near)


def offset_ms(waveform: np.ndarray, bpm: float, bars: range) -> float:
    """Return how far from the bar lines the first beats begin, in ms: where the mean level around them rises most."""
    window, smooth = round(0.03 * SAMPLE_RATE), round(0.003 * SAMPLE_RATE)
    mono, lines = np.abs(waveform.mean(axis=0)), [bar_line(bpm, bar) for bar in bars]
    level = np.convolve(
        np.mean([mono[line - window : line + window] for line in lines], axis=0), np.ones(smooth), "valid"
    )
    rise = level[smooth:] - level[:-smooth]  # at n: what follows n + smooth against what comes before it
    return float((int(np.argmax(rise)) + smooth - window) / SAMPLE_RATE * 1000)


def bar_of(waveform: np.ndarray, bpm: float, bar: int) -> np.ndarray:
    """Return the log mel spectrum of a bar `(frames, MELS)`."""
    return spectrum(waveform[:, bar_line(bpm, bar) : bar_line(bpm, bar + 1)].mean(axis=0))


def spectrum(mono: np.ndarray) -> np.ndarray:
    """Return the log mel spectrum of a bar as a closed piece, whatever its tempo."""
    even = resample_loop(mono[None], 2 * (len(mono) // 2))[0]
    power = np.abs(stft(even, loop_frames(1))) ** 2
    return np.log(power @ mel.filters(MELS, 40.0, 16_000.0, N_FFT, SAMPLE_RATE).T + 1e-6)


def most_alike(bars: list[np.ndarray], owner: list[int], apart: int = 0) -> float:
    """Return the highest correlation between bars whose owners differ by more than `apart`."""
    rows = np.stack(bars)
    rows = (rows - rows.mean(axis=(0, 1))).reshape(len(bars), -1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9
    alike, owners = rows @ rows.T, np.array(owner)
    return float(alike[np.abs(owners[:, None] - owners) > apart].max())


def of_tracks(folder: Path) -> str:
    """Return the median over tracks of how alike the most similar bars of two of its loops are, and the highest."""
    data, found = Dataset([folder]), []
    tracks: dict[int, list[int]] = {}
    for index in data.indices("train"):
        tracks.setdefault(data.loop(index).track, []).append(index)
    for indices in tracks.values():
        if len(indices) < 2:
            continue
        bars, owner = [], []
        for place, index in enumerate(indices[:20]):
            mono = data.waveform(index).mean(axis=0)
            ends = np.linspace(0, len(mono), data.bars + 1).round().astype(int)
            bars += [spectrum(mono[begin:end]) for begin, end in itertools.pairwise(ends)]
            owner += [place] * data.bars
        found.append(most_alike(bars, owner))
    return f"{np.median(found):.3f}, highest {max(found):.3f} ({len(found)} tracks)"


if __name__ == "__main__":
    main()
