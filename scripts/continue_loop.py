"""Continue held-out loops from their first bars with a Jukebox model, and plot originals above continuations.

    python scripts/continue_loop.py runs/jukebox --data data/compare --bars 1 --out runs/jukebox/continued

The script prints for each loop how many codes after the prompt equal those of the original. A model that copies has
many.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image

from fourfloor import audio, loading
from fourfloor.dataset import Dataset
from fourfloor.representations import waveform as representation
from fourfloor.signal import picture


def main() -> None:
    """Write WAV files and a sheet of spectrograms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bars", type=int, default=1, help="of the prompt")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--split", choices=("train", "validation"), default="validation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    trained = loading.load_trained(options.run)
    config = trained.recipe.representation
    model: Any = trained.model
    dataset = Dataset([options.data], trained.vocabulary)
    rng = np.random.default_rng(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    originals: list[tuple[str, Image]] = []
    continued: list[tuple[str, Image]] = []
    for index in map(int, rng.choice(dataset.indices(options.split), options.count, replace=False)):
        loop, bpm, name = dataset.mono(index, config.samples), dataset.bpm(index), dataset.name(index)
        x = torch.from_numpy(loop)[None]
        prompt = x[:, : options.bars * config.samples // dataset.bars]
        conditions = {"bpm": torch.tensor([bpm]), "style": torch.tensor([dataset.style_index(index)])}
        noise = torch.Generator().manual_seed(options.seed)
        codes = model.write(prompt, conditions, trained.recipe.generation, noise)
        for shown, sound in ((originals, loop), (continued, model.decode(codes[0])[0].detach().numpy())):
            decoded = representation.to_loop(sound, config, bpm, dataset.bars)
            shown.append((name, picture.spectrogram(np.stack([decoded, decoded]), representation.SAMPLE_RATE)))
        stereo = audio.normalize_loop(np.stack([decoded, decoded]), audio.SAMPLE_RATE)
        tags = audio.LoopTags(bpm=bpm, bars=dataset.bars, title=name, comment="continued", software="fourfloor")
        audio.write_loop(options.out / f"{index}.wav", stereo, tags)
        given = prompt.shape[1] / len(loop)
        same = [share_after(model.encode(x, level), own, given) for level, own in enumerate(codes)]
        print(f"{index} {name} {bpm:g} BPM: shares of the original's codes after the prompt {same}, lowest level first")
    picture.save_sheet(options.out / "spectrograms.png", originals + continued, columns=options.count)


def share_after(original: torch.Tensor, written: torch.Tensor, given: float) -> float:
    """Return the share of equal codes `(1, codes)` behind the first `given` part."""
    begin = round(given * original.shape[1])
    return round((original == written)[:, begin:].float().mean().item(), 3)


if __name__ == "__main__":
    main()
