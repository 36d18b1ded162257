"""Compare produced loops with real music: a table of per-loop numbers and a sheet of spectrograms.

    python scripts/producer_sheet.py --count 120 --music data/tracks --sheet docs/producer.png

Real tracks are cut into loops of four bars at the tempo of `tempo.csv`, evenly over the track.
Medians, 5th and 95th percentiles; the scorecard's numbers come from `fourfloor.evaluation`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import signal

from fourfloor.audio import decode
from fourfloor.envelope import SANE_NUMBERS, Envelope
from fourfloor.evaluation.features import analyze, style_vector
from fourfloor.evaluation.scores import LoopScores, score_analysis
from fourfloor.producer import render_loop
from fourfloor.signal.beatgrid import loop_samples

SAMPLE_RATE = 44_100
BARS = 4
BANDS = {
    "below 60 Hz": (20, 60), "60-150 Hz": (60, 150), "150-500 Hz": (150, 500), "0.5-2 kHz": (500, 2000),
    "2-6 kHz": (2000, 6000), "6-11 kHz": (6000, 11000),
}  # fmt: skip
SCORES = ("pulse", "independence", "repetition", "flatness_db", "modulation_db", "crest_db", "clipping", "crackle")


def power_spectrogram(mono: np.ndarray) -> np.ndarray:
    """Return |STFT|^2 (bins, frames), window 2048, hop 512."""
    return np.abs(signal.stft(mono, nperseg=2048, noverlap=1536, boundary=None)[2]) ** 2


def balance(waveform: np.ndarray) -> dict[str, float]:
    """Return the share of each band, the side against the middle, and the floor against the mean, all in dB."""
    power = power_spectrogram(waveform.mean(0)) + 1e-12
    bins = np.arange(power.shape[0]) * SAMPLE_RATE / 2048
    shares = {
        f"{name}, dB": float(10 * np.log10(power[(bins >= low) & (bins < high)].sum() / power.sum() + 1e-9))
        for name, (low, high) in BANDS.items()
    }
    side, middle = 0.5 * (waveform[0] - waveform[1]), waveform.mean(0)
    shares["side/middle, dB"] = float(10 * np.log10(np.mean(side**2) / np.mean(middle**2) + 1e-10))
    level = 10 * np.log10(power.sum(0))
    shares["noise floor (5 % of frames), dB"] = float(np.quantile(level, 0.05) - 10 * np.log10(power.sum(0).mean()))
    return shares


def real_loops(music: Path, per_track: int) -> Iterator[tuple[np.ndarray, float]]:
    """Yield four-bar loops from inside each track of `tempo.csv`."""
    with (music / "tempo.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            bpm = float(row["bpm"])
            track = decode(music / row["file"])
            length = loop_samples(bpm, BARS, SAMPLE_RATE)
            available = track.shape[1] // length
            for i in np.linspace(0, available - 1, min(per_track, available)).astype(int):
                loop = track[:, i * length : (i + 1) * length]
                if np.sqrt(np.mean(loop**2)) > 0.01:
                    yield loop, bpm


def picture(waveform: np.ndarray, width: int = 300, height: int = 96) -> np.ndarray:
    """Return a log-frequency spectrogram (height, width) of bytes, 70 dB from black to white."""
    power = power_spectrogram(waveform.mean(0) / (np.abs(waveform).max() + 1e-9))
    hertz = np.geomspace(30, 18000, height)[::-1]
    rows = np.clip(hertz / SAMPLE_RATE * 2048, 0, power.shape[0] - 1)
    columns = np.linspace(0, power.shape[1] - 1, width).astype(int)
    level = 10 * np.log10(power[rows.astype(int)][:, columns] * (rows[:, None] / 20) + 1e-12)
    return np.clip((level - level.max() + 70) / 70 * 255, 0, 255).astype(np.uint8)


def write_sheet(waveforms: list[np.ndarray], columns: int, path: Path) -> None:
    """Write spectrograms row by row as one PNG."""
    tiles = [np.pad(picture(waveform), 3, constant_values=255) for waveform in waveforms]
    while len(tiles) % columns:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]
    Image.fromarray(np.concatenate(rows)).save(path, optimize=True)


def mean_distance(vectors: np.ndarray, scale: np.ndarray) -> float:
    """Return the mean pairwise distance of feature vectors (n, d) after division by `scale`."""
    scaled = vectors / scale
    squares = (scaled**2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * scaled @ scaled.T, 0))
    return float(distances.sum() / (len(scaled) * (len(scaled) - 1)))


class Side:
    """The numbers of one set of loops."""

    def __init__(self, loops: list[tuple[np.ndarray, float]]):
        self.scores: list[LoopScores] = []
        self.balances: list[dict[str, float]] = []
        vectors = []
        for waveform, bpm in loops:
            analysis = analyze(waveform, SAMPLE_RATE)
            self.scores.append(score_analysis(waveform, SAMPLE_RATE, analysis, bpm, BARS))
            self.balances.append(balance(waveform))
            vectors.append(style_vector(analysis, BARS))
        self.vectors = np.array(vectors)

    def cells(self) -> dict[str, str]:
        """Return "median (5 % .. 95 %)" of every number, then the shares."""
        columns = {name: [getattr(score, name) for score in self.scores] for name in SCORES}
        columns |= {name: [balance[name] for balance in self.balances] for name in self.balances[0]}
        cells = {}
        for name, values in columns.items():
            low, middle, high = np.nanquantile(values, [0.05, 0.5, 0.95])
            cells[name] = f"{middle:.2f} ({low:.2f} .. {high:.2f})"
        cells["tempo hit"] = f"{np.mean([score.tempo_hit for score in self.scores]):.2f}"
        cells["seam closed"] = f"{np.mean([not score.seam.faults for score in self.scores]):.2f}"
        return cells


def print_table(sides: dict[str, Side]) -> None:
    """Print the markdown table, and each side's sane share and spread by the measure of the last side."""
    reference = list(sides.values())[-1]
    envelope, scale = Envelope.of(reference.scores), reference.vectors.std(0) + 0.5
    spread = mean_distance(reference.vectors, scale)
    print("| number | " + " | ".join(f"{name} ({len(side.scores)})" for name, side in sides.items()) + " |")
    print("|---|" + "---|" * len(sides))
    columns = [side.cells() for side in sides.values()]
    for side, cells in zip(sides.values(), columns, strict=True):
        cells["sane share"] = f"{np.mean([score.is_sane(envelope) for score in side.scores]):.2f}"
        for number in SANE_NUMBERS:
            outside = np.mean([not envelope.holds(number, getattr(score, number)) for score in side.scores])
            cells[f"outside in {number}"] = f"{outside:.2f}"
        cells["diversity ratio"] = f"{mean_distance(side.vectors, scale) / spread:.2f}"
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(cells[name] for cells in columns) + " |")


def main() -> None:
    """Print the table and write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style")
    parser.add_argument("--music", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    began = time.process_time()
    produced = [render_loop(options.seed + i, options.style, BARS) for i in range(options.count)]
    rate = options.count / (time.process_time() - began)
    sides = {"produced": Side([(loop.waveform, loop.bpm) for loop in produced])}
    if options.sheet is not None:
        write_sheet([loop.waveform for loop in produced[:20]], 4, options.sheet)
    if options.music is not None:
        if not (options.music / "tempo.csv").is_file():
            sys.exit(f"{options.music}: no tempo.csv there; give the folder of real tracks that holds it")
        real = list(real_loops(options.music, 4))
        sides["real"] = Side(real)
        if options.sheet is not None:
            shown = [loop for loop, _ in real[:: max(1, len(real) // 12)]][:12]
            write_sheet(shown, 4, options.sheet.with_name(options.sheet.stem + "_real.png"))
    print_table(sides)
    print(f"\n{rate:.1f} loops a second of CPU time, one core")


if __name__ == "__main__":
    main()
