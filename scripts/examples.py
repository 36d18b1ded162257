"""Generate eight loops that show what a model can do, and one sheet of their spectrograms: `make examples`.

    python scripts/examples.py --out examples --sheet examples/spectrograms.png

The seeds are the first ones, not selected ones. Of the candidates of each loop the script keeps the best by the
scorecard's numbers, as `fourfloor generate --candidates` does.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import fourfloor as ff
from fourfloor import audio, generation, loading
from fourfloor.errors import FourfloorError
from fourfloor.interfaces.show import generate_lines
from fourfloor.representations.controls import ANY, Controls
from fourfloor.signal import picture


@dataclass(frozen=True)
class Example:
    """What is asked of one loop."""

    bpm: float
    style: str | None
    bars: int = 4
    controls: Controls = ANY


EXAMPLES = (
    Example(122, "deep house"),
    Example(126, "tech house", controls=Controls(density=0.8)),
    Example(128, "acid house"),
    Example(124, "dub techno", bars=8),
    Example(130, "detroit techno", controls=Controls(kick=False)),
    Example(138, "peak-time techno", controls=Controls(low_end=0.8)),
    Example(140, "trance", controls=Controls(brightness=0.8)),
    Example(150, "music"),
)


def main() -> None:
    """Write the loops, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=loading.BUNDLED)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("examples"))
    parser.add_argument("--sheet", type=Path, default=Path("docs/results/examples.png"))
    options = parser.parse_args()
    try:  # before anything is written
        model = loading.load_model(options.model)
        for example in EXAMPLES:
            generation.check_controls(model, example.controls)
            generation.style_number(model.prior, example.style)
    except FourfloorError as error:
        parser.error(str(error))
    pictures = []
    for seed, example in enumerate(EXAMPLES):
        made = ff.generate(
            options.out, model=options.model, bpm=example.bpm, bars=example.bars, count=1, seed=seed,
            style=example.style, controls=example.controls, candidates=options.candidates, overwrite=True,
        )  # fmt: skip
        (row,) = made.loops
        assert row.file is not None
        waveform = audio.decode(row.file)
        label = row.file.stem.removeprefix("fourfloor_")
        pictures.append((label, picture.spectrogram(waveform, audio.SAMPLE_RATE)))
        generate_lines(row, options.candidates, last_seed=len(EXAMPLES) - 1)
    picture.save_sheet(options.sheet, pictures, columns=2)


if __name__ == "__main__":
    main()
