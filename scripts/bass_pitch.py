"""Does the bass of a model hold its notes? Held-out loops, the same through the codec, and samples, side by side.

    python scripts/bass_pitch.py warehouse --against data/produced-0 --count 24

Measured are the features of the low end: in stretches between onsets, past the sweep at the start of each, the pitch of
either band. Steady: the share of power within .35 semitone of the stretch's median. Off: how far that median lies from
a semitone, in cents; 25 is chance. Scale: the share of a loop's power whose notes are in its best diatonic scale, which
fewer notes make larger. Spread: the deviation of the notes of a loop in semitones; a drone is steady and in a scale.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from fourfloor import generation, loading
from fourfloor.dataset import Dataset
from fourfloor.generation import Request
from fourfloor.representations import latent, low_end
from fourfloor.representations.beatgrid import playable_bpm

SWEEP_FRAMES = 4  # of a kick's start
SHORTEST = 4  # frames of a stretch that has a pitch
QUIET = 0.2  # of the loud frames' amplitude
STEADY = 0.35  # semitones
SCALES = np.stack([np.roll([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], shift) for shift in range(12)])
CENTERS = [np.sqrt(low * high) for low, high in low_end.BANDS]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--decoder")
    parser.add_argument("--against", type=Path, required=True, help="the dataset whose held-out loops are measured")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=9000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = loading.load_model(options.model, options.decoder)
    dataset = Dataset([options.against])
    codec, indices = model.prior.codec, dataset.evenly("validation", options.count)
    heard = [np.asarray(dataset.features(index), np.float32) for index in indices]
    sampled = []
    for number, index in enumerate(indices):
        style = dataset.style(index) if dataset.style(index) in model.prior.vocabulary else None
        request = Request(
            bpm=playable_bpm(dataset.bpm(index)), bars=dataset.bars, seed=options.seed + number, style=style
        )
        sampled.append(codec.to_features(generation.sample_latents(model.prior, request)))
    coded = [codec.to_features(codec.to_latents(features)) for features in heard]
    print(f"{len(indices)} loops each, lower / upper band\n")
    print("| | steady | off | scale | spread |\n|---|---|---|---|---|")
    for name, loops in (("held-out loops", heard), ("through the codec", coded), (f"samples of {model.name}", sampled)):
        print(row(name, loops))


def row(name: str, loops: Sequence[np.ndarray]) -> str:
    """Return one row of the table: means over loops `(frames, FEATURE_DIM)`."""
    numbers = [np.nanmean([band_numbers(loop[:, latent.LOW], band) for loop in loops], axis=0) for band in (0, 1)]
    formats = "{:.2f} / {:.2f}", "{:.0f} / {:.0f}", "{:.2f} / {:.2f}", "{:.1f} / {:.1f}"
    formatted = [form.format(*both) for form, both in zip(formats, zip(*numbers, strict=True), strict=True)]
    return f"| {name} | {' | '.join(formatted)} |"


def band_numbers(low: np.ndarray, band: int) -> tuple[float, float, float, float]:
    """Measure a band: steady, off, scale and spread as above; NaN where nothing has a pitch."""
    powers, medians, steady = [], [], []
    for pitch, power in stretches(low, band):
        order = np.argsort(pitch)
        median = pitch[order][np.searchsorted(np.cumsum(power[order]), power.sum() / 2)]
        powers.append(power.sum())
        medians.append(median)
        steady.append(power[np.abs(pitch - median) < STEADY].sum())
    if not powers:
        return np.nan, np.nan, np.nan, np.nan
    notes = np.round(medians).astype(int)
    cents = 100 * np.abs(np.array(medians) - notes)
    chroma = np.bincount(notes % 12, weights=powers, minlength=12) / np.sum(powers)
    spread = np.sqrt(np.average((medians - np.average(medians, weights=powers)) ** 2, weights=powers))
    return np.sum(steady) / np.sum(powers), np.average(cents, weights=powers), (SCALES @ chroma).max(), spread


def stretches(low: np.ndarray, band: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield MIDI pitch and power of the frames between two onsets, without the sweep and what is quiet."""
    amplitude = np.exp(low[:, 2 * band])
    pitch = 69 + 12 * np.log2(CENTERS[band] * 2.0 ** low[:, 2 * band + 1] / 440)
    onsets = low_end.find_onsets(amplitude)
    loud = amplitude > QUIET * np.percentile(amplitude, 95)
    for onset, following in zip(onsets, [*onsets[1:], *(onsets[:1] + len(low))], strict=True):
        frames = np.arange(onset + SWEEP_FRAMES, following) % len(low)
        frames = frames[loud[frames]]
        if len(frames) >= SHORTEST:
            yield pitch[frames], amplitude[frames] ** 2


if __name__ == "__main__":
    main()
