"""The student project's comparison: one file, one tempo, one network on single beats and on fragments cut anywhere.

    python scripts/beat_split.py data/tracks/noiz2sa/stg1.ogg --out runs/beat_split

Both networks of a pair take the same steps from the same seed, and their loops have the same seeds. For each number the
table shows the means, the mean difference of the pairs with its bootstrap interval, and Wilcoxon's signed-rank p. Loops
are compared at 8 kHz. A loop is sane within the range of the file's own loops.

Two controls separate a learned rhythm from the rhythm of the joints. "One a beat" lays out the fragments of either
network one per beat. "Turned" first rotates each by a random number of samples: joints survive that, a rhythm does
not.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from paired import compare
from reconstruct import RATE, at_rate, rebuild, sample
from scipy.stats import wilcoxon

from fourfloor import generation, loading
from fourfloor.api import TrainRequest, train
from fourfloor.dataset import Dataset
from fourfloor.envelope import Envelope
from fourfloor.evaluation.features import analyze
from fourfloor.evaluation.scores import LoopScores, score_analysis
from fourfloor.generation import Request
from fourfloor.ingestion.folder import IngestConfig, ingest
from fourfloor.loading import Trained
from fourfloor.representations import waveform as representation
from fourfloor.signal.beatgrid import BEATS_PER_BAR
from fourfloor.training.checkpoint import FOLDER, load_latest

RECIPE = Path("seed/beats")
CUTOFF_HZ = 0.45 * RATE
SAMPLED = ("tempo_hit", "pulse", "independence", "modulation_db", "crackle")


def main() -> None:
    """Ingest the file, train the pairs, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the dataset and the runs")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--trainings", type=int, default=2, help="pairs of networks, seeds 0, 1, ...")
    parser.add_argument("--n", type=int, default=32, help="loops sampled from each network")
    parser.add_argument("--layers", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = options.out / f"data-{options.file.stem}"
    if not data.exists():
        ingest([options.file], data, IngestConfig(validation_share=0.0, jobs=1))
    dataset = Dataset([data])
    indices = [int(index) for index in dataset.indices("train")]
    real = [at_rate(dataset.waveform(i).mean(axis=0), dataset.bpm(i), dataset.bars) for i in indices]
    usual = [score(loop, dataset.bpm(i), dataset.bars) for i, loop in zip(indices, real, strict=True)]
    columns = [
        [measure(options, beats, seed, dataset, indices, real, Envelope.of(usual)) for seed in range(options.trainings)]
        for beats in (0, 1)
    ]
    joined = [{name: np.concatenate([one[name] for one in every]) for name in every[0]} for every in columns]
    print(f"{options.file.name}, {dataset.bpm(indices[0]):g} BPM, {len(indices)} loops, {options.layers} layers, "
          f"{options.steps} steps, {options.trainings} trainings, {options.n} samples each")  # fmt: skip
    print("| number | real | unsplit | beats | difference | 95 % interval | p | pairs |\n" + "|---" * 8 + "|")
    for name in joined[0]:
        known = f"{np.mean([getattr(s, name) for s in usual]):.3f}" if hasattr(usual[0], name) else ""
        print(f"| {name} | {known} | {paired(joined[0][name], joined[1][name])} |")


def score(loop: np.ndarray, bpm: float, bars: int) -> LoopScores:
    """Score one loop at the common rate, below the common cutoff."""
    return score_analysis(loop[None], RATE, analyze(loop[None], RATE, CUTOFF_HZ), bpm, bars)


def measure(
    options: argparse.Namespace,
    beats: int,
    seed: int,
    dataset: Dataset,
    indices: list[int],
    real: list[np.ndarray],
    usual: Envelope,
) -> dict[str, np.ndarray]:
    """Train one network where that was not done yet; return numbers of its samples and of its reconstructions."""
    name = f"{options.file.stem}-beats{beats}-layers{options.layers}-steps{options.steps}-seed{seed}"
    run, data = options.out / name, dataset.catalogues[0].path
    begun = any((run / FOLDER).glob("step-*.json"))
    if not begun or load_latest(run).step < options.steps:
        changed = {"representation.beats": beats, "model.layers": options.layers, "training.seed": seed,
                   "training.listen_seconds": 0, "training.validate_every": 0}  # fmt: skip
        overrides = [f"{key}={value}" for key, value in changed.items()]
        train(TrainRequest(recipe=RECIPE, data=[data], run=run, steps=options.steps, overrides=overrides,
                           resume=begun, device="cpu"))  # fmt: skip
    trained = loading.load_trained(run)
    bpm, bars = dataset.bpm(indices[0]), dataset.bars
    scores = [score(sample(trained, bpm, bars, number), bpm, bars) for number in range(options.n)]
    numbers = {name: np.array([float(getattr(one, name)) for one in scores]) for name in SAMPLED}
    for turned in (False, True):
        control = [score(one_a_beat(trained, bpm, bars, number, turned), bpm, bars) for number in range(options.n)]
        for name in ("tempo_hit", "pulse"):
            title = f"{'turned' if turned else 'one a beat'} {name}"
            numbers[title] = np.array([float(getattr(one, name)) for one in control])
    numbers["sane"] = np.array([float(one.is_sane(usual)) for one in scores])
    rebuilt = [rebuild(trained, dataset.waveform(i).mean(axis=0), dataset.bpm(i), bars) for i in indices]
    pairs = [compare(a, b, RATE, CUTOFF_HZ) for a, b in zip(real, rebuilt, strict=True)]
    again = [score(loop, dataset.bpm(i), bars) for i, loop in zip(indices, rebuilt, strict=True)]
    numbers["rebuilt si_sdr_db"] = np.array([pair.si_sdr_db for pair in pairs])
    numbers["rebuilt mel_distance"] = np.array([pair.mel_distance for pair in pairs])
    numbers["rebuilt pulse"] = np.array([one.pulse for one in again])
    numbers["rebuilt tempo_hit"] = np.array([float(one.tempo_hit) for one in again])
    return numbers


def one_a_beat(trained: Trained, bpm: float, bars: int, seed: int, turned: bool) -> np.ndarray:
    """Sample fragments and stretch each to a beat, as it is or turned by a random number of samples."""
    on_beats = replace(trained.recipe.representation, beats=1)
    x = generation.sample(trained, Request(bpm=bpm, bars=bars, seed=seed), bars * BEATS_PER_BAR)
    if turned:
        rng = np.random.default_rng(seed)
        x = np.stack([np.roll(fragment, rng.integers(len(fragment))) for fragment in x])
    return at_rate(representation.to_loop(x.reshape(-1), on_beats, bpm, bars), bpm, bars)


def paired(unsplit: np.ndarray, beats: np.ndarray) -> str:
    """Compare two columns of the same length pair by pair: means, mean difference, its interval, p, pairs."""
    difference = beats - unsplit
    cells = [f"{unsplit.mean():.3f}", f"{beats.mean():.3f}", f"{difference.mean():+.3f}"]
    if np.ptp(difference) == 0:
        return " | ".join([*cells, "all the same", "", str(len(difference))])
    drawn = np.random.default_rng(0).choice(difference, (10_000, len(difference))).mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    cells += [f"{low:+.3f} to {high:+.3f}", f"{wilcoxon(difference).pvalue:.1e}", str(len(difference))]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
