"""Measure `stems` and `midi` on produced loops whose drums are one-shots that no network was trained on.

    scripts/kits.sh data/kits
    python scripts/measure_verbs.py data/kits/sonic-pi-samples --count 200

Prints the tables of docs/verbs.md: the scale-invariant signal-to-distortion ratio of each stem (Le Roux et al. 2019)
beside a median filter with a low-pass, and F1 by instrument; `--wav FOLDER` keeps the loops and their notes, for other
programs to be measured on (scripts/measure_basic_pitch.py).
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from fourfloor.audio import LoopTags, write_loop
from fourfloor.editing.midi import transcribe
from fourfloor.editing.stems import separate
from fourfloor.producer import Event, load_kit, render_loop
from fourfloor.representations.stems import STEMS
from fourfloor.signal.beatgrid import SAMPLE_RATE, loop_frames
from fourfloor.signal.stft import N_FFT, istft, stft

CLASSES = {"kick": ("kick",), "snare or clap": ("snare", "clap"), "hats": ("hat", "open"), "bass": ("bass",)}
FIRST_SEED = 900_000_000
SILENT = 1e-4  # of the loop's power: a stem below is left out
TOLERANCE = 0.020  # seconds
SAME_HIT = 0.010  # seconds within which two hits of one class are one


def si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Return the ratio in dB, over both channels at once."""
    scale = np.vdot(estimate, truth) / np.vdot(truth, truth)
    error = estimate - scale * truth
    return float(10 * np.log10(scale**2 * np.vdot(truth, truth) / np.vdot(error, error)))


def filtered(waveform: np.ndarray, bars: int) -> np.ndarray:
    """Separate by a median filter (Fitzgerald 2010) and a low-pass: kick and bass lie below 150 Hz, the rest above."""
    frames = loop_frames(bars)
    spectra = np.stack([stft(channel, frames) for channel in waveform])
    magnitude = np.abs(spectra).mean(axis=0)
    harmonic = ndimage.median_filter(magnitude, (17, 1), mode="wrap") ** 2
    percussive = ndimage.median_filter(magnitude, (1, 17), mode="nearest") ** 2
    is_hit = percussive / (harmonic + percussive + 1e-12)
    is_low = (np.arange(magnitude.shape[1]) * SAMPLE_RATE / N_FFT < 150).astype(float)
    masks = [is_hit * is_low, is_hit * (1 - is_low), (1 - is_hit) * is_low, (1 - is_hit) * (1 - is_low)]
    return np.stack([[istft(part * mask, waveform.shape[1]) for part in spectra] for mask in masks])


def onsets(events: Sequence[Event], names: Sequence[str], bpm: float, bars: int) -> list[tuple[float, int]]:
    """Return the seconds and pitches of what some instruments play; hits of a class at one time count once."""
    beats = 4 * bars
    found = sorted((e.start % beats * 60 / bpm, round(e.pitch)) for e in events if e.instrument in names)
    if names == ("bass",):
        return found
    return [hit for at, hit in enumerate(found) if not at or hit[0] - found[at - 1][0] > SAME_HIT]


def matched(
    truth: list[tuple[float, int]], found: list[tuple[float, int]], seconds: float, pitched: bool, tolerance: float
) -> int:
    """Count the onsets that lie near a true one each, around the loop, and where asked have its pitch."""
    free, hits = list(found), 0
    for at, pitch in truth:
        near = [
            (abs((other - at + seconds / 2) % seconds - seconds / 2), number)
            for number, (other, other_pitch) in enumerate(free)
            if not pitched or other_pitch == pitch
        ]
        if near and min(near)[0] <= tolerance:
            free.pop(min(near)[1])
            hits += 1
    return hits


def f1(counts: Sequence[int]) -> str:
    """Return F1, precision and recall of (matched, true, found) as cells of a table."""
    hits, true, found = counts
    return f"{2 * hits / max(true + found, 1):.3f} | {hits / max(found, 1):.3f} | {hits / max(true, 1):.3f} | {true}"


def main() -> None:
    """Render loops, separate and transcribe each, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kit", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--wav", type=Path)
    given = parser.parse_args()
    kit = load_kit(given.kit, SAMPLE_RATE)
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in STEMS}
    counts = {name: np.zeros(3, int) for name in [*CLASSES, "bass with pitch"]}
    audio_seconds = {"stems": 0.0, "midi": 0.0}
    cpu_seconds = {"stems": 0.0, "midi": 0.0}
    for seed in range(given.seed, given.seed + given.count):
        loop = render_loop(seed, kit=kit, grouped=True)
        seconds = loop.waveform.shape[1] / SAMPLE_RATE
        began = time.process_time()
        stems = separate(loop.waveform, loop.bars)
        cpu_seconds["stems"] += time.process_time() - began
        began = time.process_time()
        events = transcribe(loop.waveform, loop.bars)
        cpu_seconds["midi"] += time.process_time() - began
        audio_seconds = {name: total + seconds for name, total in audio_seconds.items()}
        assert loop.groups is not None
        baseline = filtered(loop.waveform, loop.bars)
        power = float(np.mean(np.square(loop.waveform)))
        for number, name in enumerate(STEMS):
            truth = loop.groups[number]
            if np.mean(np.square(truth)) > SILENT * power:
                ratios[name].append((si_sdr(stems[number], truth), si_sdr(baseline[number], truth)))
        for name, instruments in CLASSES.items():
            true = onsets(loop.events, instruments, loop.bpm, loop.bars)
            found = onsets(events, instruments, loop.bpm, loop.bars)
            for key, pitched in [(name, False), *([("bass with pitch", True)] if name == "bass" else [])]:
                hits = matched(true, found, seconds, pitched, TOLERANCE)
                counts[key] += (hits, len(true), len(found))
        if given.wav:
            given.wav.mkdir(parents=True, exist_ok=True)
            name = f"s{seed}"
            write_loop(given.wav / f"{name}.wav", loop.waveform, LoopTags(bpm=loop.bpm, bars=loop.bars, title=name))
            bass = onsets(loop.events, ("bass",), loop.bpm, loop.bars)
            (given.wav / f"{name}.json").write_text(json.dumps({"seconds": seconds, "bass": bass}))
    print("| stem | loops | separator, SI-SDR dB | 10 % .. 90 % | median filter and low-pass |\n|---|---|---|---|---|")
    for name, pairs in ratios.items():
        ours, theirs = np.array(pairs).T
        low, high = np.percentile(ours, (10, 90))
        print(
            f"| {name} | {len(ours)} | {np.mean(ours):.1f} (median {np.median(ours):.1f}) | {low:.1f} .. {high:.1f} | "
            f"{np.mean(theirs):.1f} (median {np.median(theirs):.1f}) |"
        )
    print("\n| instrument | F1 | precision | recall | notes |\n|---|---|---|---|---|")
    for name, triple in counts.items():
        print(f"| {name} | {f1([int(value) for value in triple])} |")
    for name, seconds in audio_seconds.items():
        print(f"\n{name}: {seconds / cpu_seconds[name]:.0f} x real time of one core")


if __name__ == "__main__":
    main()
