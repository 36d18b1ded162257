"""Measure what real mixes do to `midi`: transcribe loops of tracks, play the notes, and compare the onsets.

    python scripts/measure_midi_on_music.py data/kits/sonic-pi-samples --data data/music --count 24

No notes of these tracks are known. So each loop's notes are played by one-shots and a synth (`rekit`), and the onset
envelopes of both are correlated in three bands, beside those of another loop's notes at the same tempo. On produced
loops the same is done, and with their true notes, which bounds what can be reached.
"""

import argparse
from pathlib import Path
from unittest import mock

import numpy as np

from fourfloor.dataset import Dataset
from fourfloor.editing import rekit
from fourfloor.evaluation.features import analyze
from fourfloor.producer import Event, Kit, render_loop
from fourfloor.signal.beatgrid import SAMPLE_RATE

BANDS = ("low", "middle", "high")
FIRST_SEED = 901_000_200


def main() -> None:
    """Print a row of correlations for each pair of loop and notes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kit", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=24)
    given = parser.parse_args()
    kit, data = rekit.open_kit(given.kit), Dataset([given.data])
    held_out = data.indices("validation")
    chosen = held_out[:: max(1, len(held_out) // given.count)][: given.count]
    real = [(data.waveform(int(index)), data.bars) for index in chosen]
    played = [replayed(loop, bars, kit) for loop, bars in real]
    report("held-out tracks, own notes", [alike(loop, own) for (loop, _), own in zip(real, played, strict=True)])
    others = [*played[len(played) // 2 :], *played[: len(played) // 2]]
    report(
        "held-out tracks, another loop's", [alike(loop, other) for (loop, _), other in zip(real, others, strict=True)]
    )
    made = [render_loop(seed, kit=kit, bars=4) for seed in range(FIRST_SEED, FIRST_SEED + given.count)]
    report("produced loops, own notes", [alike(loop.waveform, replayed(loop.waveform, 4, kit)) for loop in made])
    true = [alike(loop.waveform, replayed(loop.waveform, 4, kit, loop.events)) for loop in made]
    report("produced loops, true notes", true)


def replayed(loop: np.ndarray, bars: int, kit: Kit, events: list[Event] | None = None) -> np.ndarray:
    """Return the loop as its notes sound by the kit, or as `events` do."""
    if events is None:
        return rekit.rekit(loop, bars, kit).waveform
    with mock.patch.object(rekit, "transcribe", return_value=events):
        return rekit.rekit(loop, bars, kit).waveform


def alike(loop: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlations of the onset envelopes in each band, whatever the tempi."""
    first, second = (analyze(waveform, SAMPLE_RATE).onsets for waveform in (loop, other))
    at = np.linspace(0, 1, 2048, endpoint=False)
    grids = [np.stack([np.interp(at * len(row), np.arange(len(row)), row) for row in rows]) for rows in (first, second)]
    return np.array([np.corrcoef(one, two)[0, 1] for one, two in zip(*grids, strict=True)])


def report(name: str, rows: list[np.ndarray]) -> None:
    """Print the medians."""
    medians = np.nanmedian(np.stack(rows), axis=0)
    print(f"{name}: " + ", ".join(f"{band} {value:.2f}" for band, value in zip(BANDS, medians, strict=True)))


if __name__ == "__main__":
    main()
