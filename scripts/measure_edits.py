"""Measure what vary, fill, continue and morph promise, on loops of seeds that nothing was tuned on.

    python scripts/measure_edits.py --loops 32 --first-seed 9000 --sheets docs/results/verbs --data data/music

Prints one line a promise; docs/verbs.md holds the table. Distances are root mean squares of latents. With `--data`,
held-out loops of tracks are continued, too, and set beside what follows them in the track.
"""

import argparse
import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import spearmanr

import fourfloor as ff
from fourfloor import audio
from fourfloor.dataset import Dataset
from fourfloor.evaluation import seam
from fourfloor.evaluation.features import analyze, style_vector
from fourfloor.evaluation.rhythm import repetition_of
from fourfloor.signal import picture

AMOUNTS = [number / 10 for number in range(11)]
RATE = audio.SAMPLE_RATE


def main() -> None:
    """Make everything, print the table, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=int, default=32)
    parser.add_argument("--first-seed", type=int, default=9000)
    parser.add_argument("--model", default="warehouse")
    parser.add_argument("--sheets", type=Path, help="folder for a sheet of spectrograms of each verb")
    parser.add_argument("--data", type=Path, help="a dataset of tracks")
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
    if options.data:
        compare_with_neighbors(model, Dataset([options.data]), options.loops)
    if options.sheets:
        draw(model, loops, options.sheets)


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


def compare_with_neighbors(model: ff.Model, data: Dataset, count: int) -> None:
    """What is new repeats the loop, and keeps its style, about as much as what follows in the track."""
    indices = [int(index) for index in data.indices("validation") if data.follower(int(index)) is not None]
    chosen = indices[:: max(1, len(indices) // count)][:count]
    styles: dict[str, list[float]] = {"continued": [], "track": [], "unrelated": []}
    repeats: dict[str, list[float]] = {"continued": [], "track": []}
    with TemporaryDirectory() as folder:
        for number, index in enumerate(chosen):
            loop, bpm = data.waveform(index), data.bpm(index)
            path = Path(folder) / f"{number}.wav"
            audio.write_loop(path, loop, audio.LoopTags(bpm=bpm, bars=data.bars, title=path.stem))
            follower, other = data.follower(index), chosen[(number + len(chosen) // 2) % len(chosen)]
            assert follower is not None
            made = model.extend(path, whole=False, seed=number).waveform
            nexts = {"continued": made, "track": data.waveform(follower), "unrelated": data.waveform(other)}
            for name, following in nexts.items():
                vectors = [style_vector(analyze(each, RATE), data.bars) for each in (loop, following)]
                styles[name].append(float(np.abs(vectors[0] - vectors[1]).mean()))
                if name in repeats:
                    both = analyze(np.concatenate([loop, following], axis=1), RATE)
                    repeats[name].append(repetition_of(both, 2 * data.bars))
    print(f"continue: {len(chosen)} held-out loops; style vectors from the loop's: "
          + ", ".join(f"{name} {np.median(values):.2f}" for name, values in styles.items()))  # fmt: skip
    print(
        "continue: repetition over both: "
        + ", ".join(f"{name} {np.median(values):.2f}" for name, values in repeats.items())
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


def draw(model: ff.Model, loops: list[ff.Loop], folder: Path) -> None:
    """Draw a sheet of spectrograms for each verb."""
    one, other = loops[:2]
    samples = one.waveform.shape[1]
    source, whole = ("the loop", one.waveform), model.extend(one, seed=1).waveform
    amounts = [(f"varied by {amount}", model.vary(one, amount=amount, seed=1)[0]) for amount in (0.0, 0.3, 0.7, 1.0)]
    names = ("all", "low", "mid", "high")
    bands = [(f"{band} of bars 3 and 4", model.fill(one, beats=(9, 16), band=band, seed=1)) for band in names]
    steps = [(f"step {number} of 6", step) for number, step in enumerate(model.morph(one, other), 1)]
    blocks = itertools.islice(model.stream(seed=1), 6)
    sheets = {
        "vary": [source, *((name, loop.waveform) for name, loop in amounts)],
        "fill": [source, *((name, loop.waveform) for name, loop in bands)],
        "continue": [source, ("the next bars", whole[:, samples:])],
        "morph": [(name, loop.waveform) for name, loop in steps],
        "stream": [(f"block {number}", block) for number, block in enumerate(blocks, 1)],
    }
    for verb, rows in sheets.items():
        save_small(folder / f"{verb}.png", rows)


def save_small(path: Path, rows: list[tuple[str, np.ndarray]]) -> None:
    """Write spectrograms as a picture of 64 colors."""
    sheet = picture.sheet([(name, picture.spectrogram(waveform, RATE)) for name, waveform in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    main()
