"""Request each control from 0.1 to 0.9, measure it in the generated audio, and plot the loops.

    python scripts/control_sheet.py runs/prior --out runs/prior/controls

The script prints for each control the correlation of requested and measured rank among the training loops (the target
is 0.6). The kick is requested and excluded in turn. Each row of the sheet is a control; its values grow to the right.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fourfloor import generation, loading
from fourfloor.api.draws import REDRAWS, best_draw, leveled
from fourfloor.copies import fingerprints
from fourfloor.copies.fingerprints import Fingerprints
from fourfloor.generation import Request
from fourfloor.representations import latent
from fourfloor.representations.controls import NAMES, Controls
from fourfloor.signal import picture

VALUES = (0.1, 0.3, 0.5, 0.7, 0.9)
BAR = 0.6


def reference_of(opened: Fingerprints) -> Callable[[], Fingerprints]:
    """Return what gives a reference that was read before."""
    return lambda: opened


def main() -> None:
    """Print the table and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--decoder")
    parser.add_argument("--count", type=int, default=4, help="loops of each value")
    parser.add_argument("--only", choices=NAMES, help="one control alone, to count more loops of it")
    parser.add_argument("--bars", type=int, default=2)
    parser.add_argument("--bpm", type=float, default=126.0)
    parser.add_argument("--redraw", action="store_true", help="draw what misses a control again, as generate does")
    parser.add_argument("--out", type=Path, default=Path("runs/controls"), help="folder of the sheet")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = loading.load_model(options.model, options.decoder)
    generation.check_controls(model, Controls(density=0.5))
    reference = fingerprints.load(loading.folder_of(options.model)) if options.redraw else None
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name in [options.only] if options.only else NAMES:
        asked, measured = [], []
        for column, value in enumerate(VALUES):
            asked_for: dict[str, Any] = {name: value > 0.5 if name == "kick" else value}
            wanted = Controls(**asked_for)
            # The same noise for every value; but of the kick, which has two, that would be the same loops again.
            first = column * options.count if name == "kick" else 0
            for seed in range(first, first + options.count):
                request = Request(bpm=options.bpm, bars=options.bars, seed=seed, controls=wanted)
                if reference is not None:
                    waveform = best_draw(model, request, 1, REDRAWS, reference_of(reference)).waveform
                else:
                    waveform = leveled(model, request)
                asked.append(wanted.asked[name])
                measured.append(generation.measured_controls(model, request, waveform)[name])
                if seed == first:
                    label = f"{name} {asked[-1]:g}: {measured[-1]:.2f} measured"
                    pictures.append((label, picture.spectrogram(waveform, latent.SAMPLE_RATE, width=320, height=150)))
        together = np.std(measured) > 0
        correlation = float(np.corrcoef(asked, measured)[0, 1]) if together else 0.0
        means = np.array(measured).reshape(len(VALUES), -1).mean(axis=1)
        verdict = "holds" if correlation >= BAR else "too loose"
        row = "  ".join(f"{mean:.2f}" for mean in means)
        print(f"{name:10}  correlation {correlation:5.2f}  {verdict:9}  measured {row}", flush=True)
    picture.save_sheet(options.out / "controls.png", pictures, columns=len(VALUES))


if __name__ == "__main__":
    main()
