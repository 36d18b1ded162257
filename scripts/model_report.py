"""Measure loops exactly as a model generates them, without redraws, and plot sixteen of them above real ones.

    python scripts/model_report.py --count 64 --seed 100 --data data/music --data data/produced-0 --sheet sheet.png

The script also searches held-out loops of each dataset for copies, because music repeats itself: they show the score
that loops reach without having been trained on.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fourfloor import audio, loading
from fourfloor.api.draws import leveled
from fourfloor.copies import fingerprints
from fourfloor.copies.fingerprints import Fingerprints
from fourfloor.copies.policy import share_of_copies
from fourfloor.dataset import Dataset
from fourfloor.evaluation.scores import score_new
from fourfloor.generation import Request
from fourfloor.signal import picture

TEMPI = (122.0, 126.0, 130.0, 140.0, 92.0, 105.0, 150.0, 176.0)
DRAWN, REAL = 16, 4


def main() -> None:
    """Make the loops, print what was measured, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=loading.BUNDLED)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="a dataset; validation loops of the first are drawn"
    )
    parser.add_argument("--sheet", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = loading.load_model(options.model)
    reference = fingerprints.load(loading.folder_of(options.model))
    scores, pictures = [], []
    for number in range(options.count):
        request = Request(bpm=TEMPI[number % len(TEMPI)], seed=options.seed + number)
        waveform = leveled(model, request)
        scores.append(score_new(waveform, audio.SAMPLE_RATE, request.bpm, request.bars, reference.index))
        if number < DRAWN:
            pictures.append((f"seed {request.seed}, {request.bpm:g} BPM", draw(waveform)))
    dataset = Dataset(options.data[:1])
    held_out = dataset.indices("validation")
    for index in held_out[:: max(1, len(held_out) // REAL)][:REAL]:
        pictures.append((f"real, held out: {dataset.name(int(index))}", draw(dataset.waveform(int(index)))))
    picture.save_sheet(options.sheet, pictures, columns=4)
    print(f"{options.count} loops from seed {options.seed}, tempi {', '.join(f'{bpm:g}' for bpm in TEMPI)}")
    print(f"without a fault {np.mean([not s.faults(reference.envelope) for s in scores]):.2f}")
    print(f"sane {np.mean([s.is_sane(reference.envelope) for s in scores]):.2f}")
    print(f"tempo hit {np.mean([s.tempo_hit for s in scores]):.2f}")
    print(f"seam share {np.mean([not s.seam.faults for s in scores]):.2f}")
    print(f"copy rate {np.mean([s.is_copy for s in scores]):.3f}")
    for name in ("pulse", "independence", "repetition", "crest_db", "flatness_db", "modulation_db", "copy_score"):
        print(f"{name}, median {np.median([getattr(s, name) for s in scores]):.2f}")
    for path in options.data:
        copies = held_out_scores(Dataset([path]), options.count, reference)
        found = f"copy rate {share_of_copies(copies):.3f}, copy_score, median {np.median(copies):.2f}"
        print(f"{len(copies)} held-out loops of {path.name}: {found}")


def held_out_scores(dataset: Dataset, count: int, reference: Fingerprints) -> np.ndarray:
    """Search what a model was trained on for passages of loops it never heard; return their copy scores."""
    loops = ((dataset.waveform(index), dataset.bpm(index)) for index in dataset.evenly("validation", count))
    return np.array([reference.index.search(waveform, dataset.sample_rate, bpm).score for waveform, bpm in loops])


def draw(waveform: np.ndarray) -> Image.Image:
    """Draw a spectrogram small enough for a sheet of twenty."""
    return picture.spectrogram(waveform, audio.SAMPLE_RATE, 360, 170)


if __name__ == "__main__":
    main()
