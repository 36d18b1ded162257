"""Measure what vary, fill, continue and morph promise, on loops of seeds that nothing was tuned on.

    python scripts/measure_edits.py --loops 32 --first-seed 9000 --sheet docs/results/verbs.png

Prints one line a promise; docs/verbs.md holds the table. Distances are root mean squares of latents.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import fourfloor as ff
from fourfloor import audio
from fourfloor.evaluation import seam
from fourfloor.evaluation.features import analyze
from fourfloor.signal import picture

AMOUNTS = [number / 10 for number in range(11)]
RATE = audio.SAMPLE_RATE


def main() -> None:
    """Make everything, print the table, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=int, default=32)
    parser.add_argument("--first-seed", type=int, default=9000)
    parser.add_argument("--model", default="warehouse")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    model = ff.load(options.model)
    loops = list(model.generate_many(options.loops, seed=options.first_seed))
    made: list[ff.Loop] = []
    measure_vary(model, loops, made)
    measure_fill(model, loops, made)
    measure_continue(model, loops, made)
    measure_morph(model, loops, made)
    tempo = np.mean([abs(loop.bpm_measured / loop.bpm - 1) < 0.01 for loop in made])
    print(
        f"all: {len(made)} loops, tempo hit {tempo:.2f}, seam passed {np.mean([loop.seam >= 0.5 for loop in made]):.2f}"
    )
    print(f"all: faults {sorted({fault for loop in made for fault in loop.faults})}, "
          f"share without {np.mean([not loop.faults for loop in made]):.2f}")  # fmt: skip
    if options.sheet:
        draw(model, loops, options.sheet)


def measure_vary(model: ff.Model, loops: list[ff.Loop], made: list[ff.Loop]) -> None:
    """The further the more is asked; at .3 the groove stays, at 1 nothing does."""
    ranks, groove, away = [], [], []
    for number, loop in enumerate(loops):
        varied = [model.vary(loop, amount=amount, seed=loop.seed)[0] for amount in AMOUNTS]
        distances = [distance(model, loop, one) for one in varied]
        ranks.append(spearmanr(AMOUNTS, distances).statistic)
        groove.append(onset_correlation(loop, varied[3]))
        unrelated = distance(model, loop, loops[(number + 1) % len(loops)])
        away.append(distances[-1] / unrelated)
        made += varied[3::7]
    print(f"vary: Spearman median {np.median(ranks):.3f}, lowest {min(ranks):.3f}")
    print(f"vary: onset correlation at .3 median {np.median(groove):.2f}, lowest {min(groove):.2f}")
    print(f"vary: distance at 1, of an unrelated loop's: median {np.median(away):.2f}")


def measure_fill(model: ff.Model, loops: list[ff.Loop], made: list[ff.Loop]) -> None:
    """Everything outside is kept; both joints pass the click test."""
    kept, quiet, cases = [], [], 0
    for loop, beats in itertools.product(loops, ((9, 16), (13, 16))):
        new = model.fill(loop, beats=beats, seed=loop.seed)
        samples = loop.waveform.shape[1]
        begin, near = round((beats[0] - 1) * samples / 16), round(0.02 * RATE)
        kept.append(np.array_equal(new.waveform[:, near : begin - near], loop.waveform[:, near : begin - near]))
        quiet += [is_quiet(new.waveform, begin), is_quiet(new.waveform, 0)]
        cases += 1
        made.append(new)
    print(f"fill: {cases} cases, kept bit for bit {np.mean(kept):.2f}, joints without a click {np.mean(quiet):.3f}")


def measure_continue(model: ff.Model, loops: list[ff.Loop], made: list[ff.Loop]) -> None:
    """Both joints are quiet, and the loudness of the new half is near the old one's."""
    quiet, louder = [], []
    for loop in loops:
        whole = model.extend(loop, seed=loop.seed)
        samples = loop.waveform.shape[1]
        quiet += [is_quiet(whole.waveform, samples), is_quiet(whole.waveform, 0)]
        halves = (whole.waveform[:, :samples], whole.waveform[:, samples:])
        louder.append(audio.loudness_lufs(halves[0], RATE) - audio.loudness_lufs(halves[1], RATE))
        made.append(whole)
    print(
        f"continue: joints without a click {np.mean(quiet):.3f}; first half louder by median {np.median(louder):.1f} LU"
    )


def measure_morph(model: ff.Model, loops: list[ff.Loop], made: list[ff.Loop]) -> None:
    """Each step is further from the first and nearer to the second."""
    away, near = [], []
    for one, other in itertools.pairwise(loops[: 1 + len(loops) // 4]):
        steps = model.morph(one, other, steps=6)
        away.append(spearmanr(range(6), [distance(model, one, step) for step in steps]).statistic)
        near.append(-spearmanr(range(6), [distance(model, other, step) for step in steps]).statistic)
        made += steps[1:-1]
    print(f"morph: Spearman to the first median {np.median(away):.2f}, lowest {min(away):.2f}; "
          f"to the second {np.median(near):.2f}, {min(near):.2f}")  # fmt: skip


def distance(model: ff.Model, one: ff.Loop, other: ff.Loop) -> float:
    """Return how far apart two loops of one length are."""
    first, second = (model.encode(each.waveform, bpm=each.bpm, bars=each.bars) for each in (one, other))
    return float(np.sqrt(((first - second) ** 2).mean()))


def onset_correlation(one: ff.Loop, other: ff.Loop) -> float:
    """Return how alike the onsets of two loops are in time."""
    first, second = (analyze(each.waveform, RATE).onset for each in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def is_quiet(waveform: np.ndarray, joint: int) -> bool:
    """Return whether a joint inside a loop passes the click test of loop points: turned so that the joint is there."""
    turned = np.roll(waveform, -joint, axis=1)
    return seam.click_ratio(seam.curvature_of(turned)) <= seam.CLICK_LIMIT


def draw(model: ff.Model, loops: list[ff.Loop], path: Path) -> None:
    """Draw one row of spectrograms a verb."""
    one, other = loops[:2]
    whole = model.extend(one, seed=1)
    samples = one.waveform.shape[1]
    rows = [("loop", one.waveform), ("through codec and decoder", model.vary(one, amount=0.0)[0].waveform)]
    rows += [(f"vary {amount}", model.vary(one, amount=amount, seed=1)[0].waveform) for amount in (0.3, 0.7)]
    rows += [("fill bars 3-4", model.fill(one, beats=(9, 16), seed=1).waveform)]
    rows += [("continue: the next bars", whole.waveform[:, samples:])]
    rows += [
        (f"morph, step {n} of 6", step.waveform) for n, step in enumerate(model.morph(one, other), 1) if n in (3, 6)
    ]
    picture.save_sheet(path, [(name, picture.spectrogram(waveform, RATE)) for name, waveform in rows])


if __name__ == "__main__":
    main()
