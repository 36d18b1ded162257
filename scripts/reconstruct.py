"""Encode and decode held-out loops with autoencoders on waveforms: paired numbers, and the scorecard's diagnosis.

    python scripts/reconstruct.py runs/autoencoder-1 runs/autoencoder-3 runs/autoencoder-5 --data data/compare

Everything is compared at 8 kHz, including the original. A beat of 4096 samples holds no more at 120 BPM, and what a
sample rate cuts off is not the autoencoder's fault. `--samples` also generates as many loops at the same tempi.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from paired import PairedNumbers, compare
from PIL import Image

from fourfloor import generation, loading
from fourfloor.evaluation import judging
from fourfloor.evaluation.numbers import median
from fourfloor.evaluation.scorecard import Scorecard
from fourfloor.evaluation.sources import Source, dataset_source
from fourfloor.generation import Request
from fourfloor.ingestion import catalogue
from fourfloor.loading import Trained
from fourfloor.representations import waveform as representation
from fourfloor.signal import picture
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import resample_loop

RATE = 8000
DRAWN = 4
Loop = tuple[str, np.ndarray, float, int]  # name, mono waveform at the dataset's rate, tempo, bars
PAIRED = ("si_sdr_db", "mel_distance", "log_spectral_db", "worst_band_db")
HEARD = ("flatness_db", "modulation_db", "crest_db", "pulse", "independence")


def main() -> None:
    """Print one row of numbers per run, for reconstructions and where asked for samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--n", type=int, default=32, help="loops a run")
    parser.add_argument("--split", choices=("train", "validation"), default="validation")
    parser.add_argument("--samples", action="store_true", help="judge sampled loops as well")
    parser.add_argument("--sheet", type=Path, help="draw the first originals above their reconstructions")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = draw(options.data, options.split, options.n)
    print(f"| run | what | {' | '.join(PAIRED)} | {' | '.join(HEARD)} | tempo | named |\n" + "|---" * 13 + "|")
    originals = [at_rate(w, bpm, bars) for _, w, bpm, bars in chosen]
    card = judged(originals, chosen, options.data)
    print(row("", "original", card), flush=True)
    sheet = picture_row("original", chosen, originals)
    for run in options.runs:
        trained = loading.load_trained(run)
        if trained.recipe.representation_name != "waveform":
            parser.error(f"{run} sees a {trained.recipe.representation_name}: name runs on waveforms")
        rebuilt = [rebuild(trained, w, bpm, bars) for _, w, bpm, bars in chosen]
        pairs = [compare(a, b, RATE, 0.45 * RATE) for a, b in zip(originals, rebuilt, strict=True)]
        print(row(run.name, "reconstruction", judged(rebuilt, chosen, options.data), pairs), flush=True)
        if options.samples:
            sampled = [sample(trained, bpm, bars, seed) for seed, (_, _, bpm, bars) in enumerate(chosen)]
            print(row(run.name, "samples", judged(sampled, chosen, options.data)), flush=True)
            sheet += picture_row(f"{run.name} samples", chosen, sampled)
        sheet += picture_row(f"{run.name} reconstruction", chosen, rebuilt)
    for name in ("flatness_db", "modulation_db"):
        low, middle, high = card.envelope.to_dict()[name]
        print(f"{name} of training loops: {low:.2f} to {high:.2f}, median {middle:.2f}")
    if options.sheet:
        picture.save_sheet(options.sheet, sheet, columns=DRAWN)


def picture_row(title: str, chosen: list[Loop], loops: list[np.ndarray]) -> list[tuple[str, Image.Image]]:
    """Draw the spectrograms of the first loops."""
    titles = [f"{title} {loop[0]}" for loop in chosen]
    return [(t, picture.spectrogram(w[None], RATE, 360, 170)) for t, w in zip(titles[:DRAWN], loops, strict=False)]


def draw(data: Path, split: str, n: int) -> list[Loop]:
    """Draw loops of a split, the tracks in turn."""
    source: Source = dataset_source(catalogue.load(data), split)
    loops = [source[index] for index in source.draw(n, 0)]
    return [(f"{loop.track} {loop.name}", loop.waveform.mean(axis=0), loop.bpm, loop.bars) for loop in loops]


def at_rate(waveform: np.ndarray, bpm: float, bars: int) -> np.ndarray:
    """Resample a whole loop `(samples,)` to the rate that all are heard at."""
    return resample_loop(waveform, loop_samples(bpm, bars, RATE))


def rebuild(trained: Trained, mono: np.ndarray, bpm: float, bars: int) -> np.ndarray:
    """Cut a loop `(samples,)` into fragments, send each through the model, lay them end to end."""
    config = trained.recipe.representation
    number = representation.count(config, bpm, bars)
    inside = number * config.samples if config.beats else loop_samples(bpm, bars, config.sample_rate)
    pieces = np.resize(resample_loop(mono, inside), (number, config.samples))  # the last one goes on at the start
    model: Any = trained.model
    with torch.no_grad():
        x = model.decode(model.encode(torch.from_numpy(pieces))).numpy()
    return at_rate(x.reshape(-1)[:inside], bpm, bars)


def sample(trained: Trained, bpm: float, bars: int, seed: int) -> np.ndarray:
    """Sample a loop."""
    config = trained.recipe.representation
    x = generation.sample(trained, Request(bpm=bpm, bars=bars, seed=seed), representation.count(config, bpm, bars))
    return at_rate(representation.to_loop(x.reshape(-1), config, bpm, bars), bpm, bars)


def judged(loops: list[np.ndarray], chosen: list[Loop], data: Path) -> Scorecard:
    """Let the scorecard hear loops beside the held-out loops alone."""
    names, tempi = [loop[0] for loop in chosen], [loop[2] for loop in chosen]
    named = names, [loop[None] for loop in loops], tempi
    return judging.evaluate(named, data, len(loops), only="A", sample_rate=RATE)


def row(run: str, what: str, card: Scorecard, pairs: Sequence[PairedNumbers] = ()) -> str:
    """Write one row of the table, medians over loops."""
    paired = [f"{median([getattr(pair, name) for pair in pairs]):.2f}" if pairs else "" for name in PAIRED]
    heard = [f"{median([loop.scores.to_dict()[name] for loop in card.loops]):.2f}" for name in HEARD]
    named = ", ".join(card.diagnosis) or "nothing"
    return "| " + " | ".join([run, what, *paired, *heard, f"{card.numbers['tempo']:.2f}", named]) + " |"


if __name__ == "__main__":
    main()
