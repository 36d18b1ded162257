"""Measure the codes of a Jukebox model: use of each codebook, sound of each level, bits that the transformers need.

python scripts/code_usage.py runs/jukebox --data data/compare
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from paired import compare

from fourfloor import loading
from fourfloor.dataset import Dataset
from fourfloor.models.jukebox.spectral import spectral_loss
from fourfloor.representations import waveform as representation


def main() -> None:
    """Print one row per split and level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--n", type=int, default=32, help="loops a split")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trained = loading.load_trained(options.run)
    config = trained.recipe.representation
    model: Any = trained.model
    size, hops = trained.recipe.model.codebook_size, trained.recipe.model.hop_lengths
    dataset = Dataset([options.data], trained.vocabulary)
    columns = ("split", "hop", "codes used", "perplexity", "unexplained", "spectral", "SI-SDR dB", "mel", "LSD dB",
               "worst band dB", "bits a code", "uniform")  # fmt: skip
    print(f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|")
    for split in ("train", "validation"):
        drawn = representation.batch(dataset, None, config, split, options.n, np.random.default_rng(0))  # type: ignore
        batch = {name: torch.from_numpy(values) for name, values in drawn.items()}
        x, codes = batch["x"], [model.encode(batch["x"], level) for level in range(len(hops))]
        for level, hop in enumerate(hops):
            with torch.no_grad():
                rebuilt = model.decode(codes[level], level)
                prior = model.prior if level == len(hops) - 1 else model.upsamplers[level]
                above = codes[level + 1] if level + 1 < len(hops) else None
                nats = prior.loss(codes[level][:, : prior.span], batch, above).item()
            rates = [round(representation.rate(config, float(bpm))) for bpm in batch["bpm"]]
            pairs = zip(x.numpy(), rebuilt.numpy(), rates, strict=True)
            paired = [compare(a[None], b[None], rate, 0.45 * rate) for a, b, rate in pairs]
            shares = torch.bincount(codes[level].flatten(), minlength=size) / codes[level].numel()
            medians = [np.median([getattr(one, name) for one in paired])
                       for name in ("si_sdr_db", "mel_distance", "log_spectral_db", "worst_band_db")]  # fmt: skip
            unexplained = (rebuilt - x).square().mean() / x.square().mean()
            figures = [unexplained, spectral_loss(x, rebuilt), *medians, nats / math.log(2), math.log2(size)]
            used, perplexity = int((shares > 0).sum()), torch.special.entr(shares).sum().exp()
            row = [split, str(hop), str(used), f"{perplexity:.0f}", *(f"{figure:.2f}" for figure in figures)]
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
