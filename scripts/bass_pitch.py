"""Does the bass of a model hold its notes? Held-out loops, the same through codec and decoder, and samples.

    python scripts/bass_pitch.py warehouse --against data/produced-0 --count 24

Measured are features of the low end, of latents and, analyzed again, of what is heard: in notes from onset to onset,
past the sweep at the start of each, the pitch of either band. Steady: the share of power within .35 semitone of the
note's median. Off: how far that median lies from a semitone, in cents; 25 is chance. Scale: the share of a loop's power
whose notes are in its best diatonic scale, which fewer notes make larger. Spread: the deviation of the notes of a loop
in semitones; a drone is steady and in a scale.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fourfloor import generation, loading
from fourfloor.dataset import Dataset
from fourfloor.generation import Request
from fourfloor.representations import latent, tuning
from fourfloor.representations.beatgrid import loop_samples, playable_bpm

STEADY = 0.35  # semitones


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
    if model.decoder is None:
        parser.error(f"{options.model} has no low end of its own: name a prior's run or a bundled model")
    dataset = Dataset([options.against])
    rows: dict[str, list[np.ndarray]] = {}
    codec, indices = model.prior.codec, dataset.evenly("validation", options.count)
    for number, index in enumerate(indices):
        bpm, heard = playable_bpm(dataset.bpm(index)), np.asarray(dataset.features(index), np.float32)
        style = dataset.style(index) if dataset.style(index) in model.prior.vocabulary else None
        request = Request(bpm=bpm, bars=dataset.bars, seed=options.seed + number, style=style)
        coded, drawn = codec.to_latents(heard), generation.sample_latents(model.prior, request)
        samples = loop_samples(bpm, dataset.bars, latent.SAMPLE_RATE)
        sounds = generation.render(model.decoder, coded, bpm, samples, 0), generation.make_loop(model, request)
        features = heard, codec.to_features(coded), codec.to_features(drawn)
        names = "held-out loops", "through the codec", f"samples of {model.name}"
        for name, loop in zip(names, features, strict=True):
            rows.setdefault(name, []).append(loop)
        for name, sound in zip(("held-out loops decoded", f"loops of {model.name}"), sounds, strict=True):
            rows.setdefault(name, []).append(latent.analyze(sound, bpm, dataset.bars))
    print(f"{len(indices)} loops each, lower / upper band\n")
    print("| | steady | off | scale | spread |\n|---|---|---|---|---|")
    for name, loops in rows.items():
        print(row(name, loops))


def row(name: str, loops: Sequence[np.ndarray]) -> str:
    """Return one row of the table: means over loops `(frames, FEATURE_DIM)`."""
    numbers = [np.nanmean([band_numbers(loop[:, latent.LOW], band) for loop in loops], axis=0) for band in (0, 1)]
    formats = "{:.2f} / {:.2f}", "{:.0f} / {:.0f}", "{:.2f} / {:.2f}", "{:.1f} / {:.1f}"
    formatted = [form.format(*both) for form, both in zip(formats, zip(*numbers, strict=True), strict=True)]
    return f"| {name} | {' | '.join(formatted)} |"


def band_numbers(low: np.ndarray, band: int) -> tuple[float, float, float, float]:
    """Measure a band: steady, off, scale and spread as above; NaN where nothing has a pitch."""
    played = list(tuning.notes(low, band))
    if not played:
        return np.nan, np.nan, np.nan, np.nan
    medians, powers = (np.array([getattr(note, name) for note in played]) for name in ("pitch", "power"))
    steady = sum(note.powers[np.abs(note.pitches - note.pitch) < STEADY].sum() for note in played)
    semitones = np.round(medians).astype(int)
    cents = np.average(100 * np.abs(medians - semitones), weights=powers)
    chroma = np.bincount(semitones % 12, weights=powers, minlength=12) / powers.sum()
    spread = np.sqrt(np.average((medians - np.average(medians, weights=powers)) ** 2, weights=powers))
    return steady / powers.sum(), cents, (tuning.SCALES @ chroma).max(), spread


if __name__ == "__main__":
    main()
