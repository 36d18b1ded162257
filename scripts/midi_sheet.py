"""Draw what `midi` finds in eight produced loops, onset by onset: green found, red missed, orange found but not played.

    python scripts/midi_sheet.py data/kits/sonic-pi-samples docs/results/verbs/midi.png

Above each loop lies its spectrogram; the rows below are kick, snare or clap, hats, and bass. A bass note with another
pitch than the true one is half orange, half green.
"""

import argparse
from pathlib import Path

import numpy as np
from measure_verbs import CLASSES, TOLERANCE, onsets
from PIL import Image, ImageDraw

from fourfloor.editing.midi import transcribe
from fourfloor.producer import ProducedLoop, load_kit, render_loop
from fourfloor.signal import picture
from fourfloor.signal.beatgrid import SAMPLE_RATE

FIRST_SEED = 901_000_100
WIDTH, SPECTRUM, ROW, LABEL = 560, 60, 14, 80  # pixels
FOUND, MISSED, ADDED = (40, 150, 70), (205, 40, 50), (240, 150, 30)


def main() -> None:
    """Draw the loops in two columns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kit", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    given = parser.parse_args()
    kit = load_kit(given.kit, SAMPLE_RATE)
    panels = [panel(render_loop(seed, kit=kit, bars=4)) for seed in range(given.seed, given.seed + 8)]
    height = panels[0].height + 6
    wide = LABEL + WIDTH + 6
    sheet = Image.new("RGB", (2 * wide, 4 * height), "white")
    for number, one in enumerate(panels):
        sheet.paste(one, (number % 2 * wide, number // 2 * height))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(64).save(given.out, optimize=True)


def panel(loop: ProducedLoop) -> Image.Image:
    """Draw one loop."""
    image = Image.new("RGB", (LABEL + WIDTH, SPECTRUM + len(CLASSES) * ROW), "white")
    image.paste(picture.spectrogram(loop.waveform, SAMPLE_RATE).resize((WIDTH, SPECTRUM)), (LABEL, 0))
    pen, seconds = ImageDraw.Draw(image), loop.waveform.shape[1] / SAMPLE_RATE
    found = transcribe(loop.waveform, loop.bars)
    for row, (name, instruments) in enumerate(CLASSES.items()):
        top = SPECTRUM + row * ROW
        pen.line((0, top, LABEL + WIDTH, top), (200, 200, 200))
        true, heard = (onsets(events, instruments, loop.bpm, loop.bars) for events in (loop.events, found))
        for at, upper, lower in marks(true, heard, seconds):
            x = LABEL + round(at / seconds * WIDTH)
            pen.rectangle((x, top + 2, x + 2, top + ROW // 2), upper)
            pen.rectangle((x, top + ROW // 2, x + 2, top + ROW - 2), lower)
        pen.text((2, top + 1), name, (120, 120, 120))
    pen.text((LABEL + 2, 2), f"{loop.style}, {loop.bpm:g} BPM", "white")
    return image


def marks(
    true: list[tuple[float, int]], heard: list[tuple[float, int]], seconds: float
) -> list[tuple[float, tuple[int, int, int], tuple[int, int, int]]]:
    """Return when to draw which two colors: the onset's, and the pitch's."""
    free, drawn = list(heard), []
    for at, pitch in true:
        apart = [abs((other - at + seconds / 2) % seconds - seconds / 2) for other, _ in free]
        if apart and min(apart) <= TOLERANCE:
            _, named = free.pop(int(np.argmin(apart)))
            drawn.append((at, FOUND, FOUND if named == pitch else ADDED))
        else:
            drawn.append((at, MISSED, MISSED))
    return [*drawn, *((at, ADDED, ADDED) for at, _ in free)]


if __name__ == "__main__":
    main()
