"""Print how often reference rows leave their expected ranges when fewer tracks and loops are held out.

The script scores every reference row once. Then it uses random parts of the held-out tracks as the standard, a hundred
of each size.

    fourfloor ingest ../shared/music --out data/halves --validation-share 0.44
    .venv/bin/python scripts/held_out_size.py data/halves
"""

import sys
from pathlib import Path

import numpy as np

from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import dataset_passages
from fourfloor.evaluation.numbers import Norms, ScoredSet, numbers_of, score_set
from fourfloor.evaluation.references import make_rows
from fourfloor.evaluation.scorecard import split_sources
from fourfloor.evaluation.verdict import broken_anchors
from fourfloor.ingestion import catalogue
from fourfloor.signal.analysis import CUTOFF_HZ

ROWS, LOOPS, PARTS = "ABCDEFG", 120, 100


def part_of(heard: ScoredSet, chosen: np.ndarray) -> ScoredSet:
    """Return some loops of a set."""
    pick = [int(i) for i in chosen]
    return ScoredSet(
        scores=[heard.scores[i] for i in pick], vectors=heard.vectors[pick],
        tones=[heard.tones[i] for i in pick], tracks=[heard.tracks[i] for i in pick],
        names=[heard.names[i] for i in pick], matches=[heard.matches[i] for i in pick if heard.matches],
    )  # fmt: skip


def main() -> None:
    """Hear the rows of the dataset named on the command line and print one line for each size."""
    data = catalogue.load(Path(sys.argv[1]))
    train, held_out = split_sources(data)
    usual = score_set((train[i] for i in train.draw(128, 0)), CUTOFF_HZ)
    index = CopyIndex.of(dataset_passages(data), CUTOFF_HZ)
    rows = {
        letter: score_set(loops, CUTOFF_HZ, index, LOOPS if letter == "A" else 0)
        for letter, loops in make_rows(train, held_out, LOOPS, 0, None, ROWS).items()
    }
    of_track = np.array(rows["A"].tracks)
    names = sorted(set(of_track))
    rng = np.random.default_rng(0)
    for tracks in (1, 2, 3, 4, 6, 8, 10):
        for per_track in (1, 2, 4, 8):
            broken = 0
            for _ in range(PARTS):
                kept = [rng.permutation(np.flatnonzero(of_track == name))[:per_track]
                        for name in rng.permutation(names)[:tracks]]  # fmt: skip
                chosen = np.concatenate(kept)
                other = rng.permutation(len(rows["G"].scores))[: len(chosen)]
                parts = {letter: part_of(row, other if letter == "G" else chosen) for letter, row in rows.items()}
                norms = Norms.of(usual, parts["A"])
                numbers = {letter: numbers_of(part, norms, 0, letter == "A") for letter, part in parts.items()}
                broken += bool(broken_anchors(numbers))
            print(f"{tracks} tracks, at most {per_track} loops each: {broken} of {PARTS} broken", flush=True)


if __name__ == "__main__":
    main()
