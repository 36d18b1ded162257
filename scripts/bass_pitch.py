"""Measure whether a model's bass holds its notes: held-out loops, the same through codec and decoder, the model's.

    python scripts/bass_pitch.py warehouse --against data/produced-0 --count 24

The script measures features of the low end, of latents, and of the rendered audio. In each note from onset to onset,
after the sweep at its start, it takes the pitch of either band.

Steady: the share of power within 0.35 semitone of the note's median. Off: the distance of that median from a semitone
in cents; 25 is chance. Scale: the share of a loop's power whose notes are in its best diatonic scale; fewer notes make
it larger. Spread: the deviation of the notes of a loop in semitones; a drone is steady and in a scale. In key: in the
rendered audio, the share of both bands' power whose notes are within 0.2 semitone of a tone of the scale that fits the
chords best (chance is about 0.23).
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fourfloor import generation, loading
from fourfloor.dataset import Dataset
from fourfloor.generation import Request
from fourfloor.representations import latent, low_end, magnitude, tonal, tuning
from fourfloor.signal.beatgrid import loop_samples, playable_bpm
from fourfloor.signal.stft import resample_loop

STEADY, IN_KEY = 0.35, 0.2  # semitones
BANDS = range(len(low_end.BANDS))
IN_TUNE = magnitude.SAMPLED  # as generate renders


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
    latents: dict[str, list[np.ndarray]] = defaultdict(list)
    sounds: dict[str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
    codec, decoder, indices = model.prior.codec, model.decoder, dataset.evenly("validation", options.count)
    for number, index in enumerate(indices):
        bpm, seed = playable_bpm(dataset.bpm(index)), options.seed + number
        style = dataset.style(index) if dataset.style(index) in model.prior.vocabulary else None
        request = Request(bpm=bpm, bars=dataset.bars, seed=seed, style=style)
        samples = loop_samples(bpm, dataset.bars, latent.SAMPLE_RATE)
        music = codec.to_latents(np.asarray(dataset.features(index), np.float32))
        drawn = generation.sample_latents(model.prior, request)
        latents["held-out loops, latents"].append(codec.to_features(music))
        latents["samples, latents"].append(codec.to_features(drawn))
        heard = {
            "held-out loops": resample_loop(dataset.waveform(index), samples),
            "held-out loops decoded": generation.render(decoder, music, bpm, samples, seed),
            "samples as drawn": generation.render(decoder, drawn, bpm, samples, seed),
            f"loops of {model.name}, in tune": generation.render(decoder, drawn, bpm, samples, seed, IN_TUNE),
        }
        for name, sound in heard.items():
            sounds[name].append((latent.analyze(sound, bpm, dataset.bars), latent.mid_side(sound)[0]))
    print(f"{len(indices)} loops each, lower / upper band\n")
    print("| | steady | off | scale | spread | in key |\n|---|---|---|---|---|---|")
    for name, loops in latents.items():
        print(f"{row(name, loops)} |")
    for name, pairs in sounds.items():
        print(f"{row(name, [features for features, _ in pairs])} {np.nanmean([in_key(*pair) for pair in pairs]):.2f} |")


def row(name: str, loops: Sequence[np.ndarray]) -> str:
    """Return one row of the table but for its last column: means over loops `(frames, FEATURE_DIM)`."""
    numbers = [np.nanmean([band_numbers(loop[:, latent.LOW], band) for loop in loops], axis=0) for band in BANDS]
    formats = "{:.2f} / {:.2f}", "{:.0f} / {:.0f}", "{:.2f} / {:.2f}", "{:.1f} / {:.1f}"
    formatted = [form.format(*both) for form, both in zip(formats, zip(*numbers, strict=True), strict=True)]
    return f"| {name} | {' | '.join(formatted)} |"


def in_key(features: np.ndarray, mid: np.ndarray) -> float:
    """Return the share of the bass that plays tones of the chords' scale; NaN without bass or chords."""
    tonality = tonal.tonality(mid, features, np.arange(len(features) // latent.FRAMES_PER_LATENT))
    chords = tuning.chord_chroma(tonality, features[:, latent.MEL])
    played = [note for band in BANDS for note in tuning.notes(features[:, latent.LOW], band)]
    if not played or not chords.any():
        return np.nan
    scale = tuning.best_scale(chords)
    pitches, powers = (np.array([getattr(note, name) for note in played]) for name in ("pitch", "power"))
    tones = np.round(pitches).astype(int)
    return np.average(scale[tones % 12] * (np.abs(pitches - tones) < IN_KEY), weights=powers)


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
