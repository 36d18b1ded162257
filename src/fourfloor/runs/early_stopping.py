"""When a model is fine-tuned enough: a few of its loops, compared with the dataset's own.

In: the averaged model at some step. Out: its style distance to the held-out loops, lower is better; infinite where the
loops resemble each other too much or one copies a training loop. The numbers are the scorecard's, of far fewer loops
than it takes for a verdict: they rank the steps of one run, made with the same seeds, and nothing else.
"""

import copy
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from fourfloor import recipe
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import training_passages
from fourfloor.copies.policy import is_copy
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.distance import StyleSpace, diversity_ratio, kernel_distance
from fourfloor.evaluation.numbers import ScoredSet, score_set
from fourfloor.evaluation.sources import Sample
from fourfloor.generation import Request, make_loop
from fourfloor.loading import LoopModel, Trained
from fourfloor.representations import needs_decoder
from fourfloor.representations.latent import SAMPLE_RATE
from fourfloor.signal.analysis import CUTOFF_HZ
from fourfloor.signal.beatgrid import playable_bpm
from fourfloor.training.task import Check

N_LOOPS = 8  # a check takes about as long as ten steps; the scorecard's verdict takes 32
MIN_DIVERSITY = 0.7  # the scorecard's gate
MIN_TRAIN = 8  # loops, for a style space
MAX_SCORED = 128  # loops of each split, evenly over it


class NothingToCompareError(FourfloorError):
    """Dataset or decoder do not suffice for a check."""


@dataclass(frozen=True)
class Yardstick:
    """What the samples of one run are compared with: a style space, the held-out loops in it, all loops' passages."""

    cutoff_hz: float
    space: StyleSpace
    held_out: np.ndarray  # (loops, dimensions), placed in the space
    index: CopyIndex

    @classmethod
    def of(cls, dataset: Dataset, on_loop: Callable[[int, int], None]) -> "Yardstick":
        """Measure the loops of a dataset; NothingToCompareError where they are too few."""
        train, held_out = (dataset.evenly(split, MAX_SCORED) for split in ("train", "validation"))
        if len(held_out) < 2:
            reason = "one held-out loop is too few for a style distance"
            raise NothingToCompareError(f"{reason}; ingest more music, or in shorter loops")
        if len(train) < MIN_TRAIN:
            reason = f"{len(train)} training loops are too few to measure a style"
            raise NothingToCompareError(f"{reason}; ingest more music")
        measured = itertools.count()
        total = len(train) + len(held_out) + len(dataset)

        def count(_: object = None) -> None:
            on_loop(next(measured), total)

        def vectors(indices: Sequence[int]) -> ScoredSet:
            return score_set((_sample(dataset, index) for index in indices), cutoff_hz, on_loop=count)

        cutoff_hz = min(CUTOFF_HZ, 0.45 * dataset.sample_rate)
        heard = vectors(train)
        space = StyleSpace.of(heard.vectors, heard.tracks)
        # All loops of the dataset: where a track's later loops validate, these are not music to repeat either.
        return cls(
            cutoff_hz, space, space.place(vectors(held_out).vectors),
            CopyIndex.of(training_passages(dataset, count), cutoff_hz),
        )  # fmt: skip

    def score(self, samples: Iterable[Sample]) -> tuple[float, dict[str, float]]:
        """Return the style distance of samples, infinite where they cannot be kept, and the numbers for the log."""
        loops = score_set(samples, self.cutoff_hz, self.index, N_LOOPS)
        # Each held-out loop counts as a track: of one held-out track the pairs would not count, and nothing be left.
        # That adds the same to the distance of every step.
        names = [f"held-out {number}" for number in range(len(self.held_out))]
        placed = self.space.place(loops.vectors)
        style = kernel_distance(placed, self.held_out, self.space.width, loops.tracks, names).value
        diversity = diversity_ratio(loops.vectors, self.space)
        copies = sum(is_copy(match.score) for match in loops.matches)
        usable = diversity >= MIN_DIVERSITY and copies == 0 and np.isfinite(style)
        return style if usable else float("inf"), {"style": style, "diversity": diversity, "copies": copies}


def checker(
    plan: recipe.Recipe,
    codec: Any,
    dataset: Dataset,
    meta: dict[str, Any],
    decoder: Trained | None,
    on_loop: Callable[[int, int], None] = lambda done, total: None,
) -> Check:
    """Return what scores a model that samples; NothingToCompareError where dataset or decoder do not suffice.

    `on_loop(done, total)` is called while the loops are measured that samples are compared with.
    """
    if decoder is None and needs_decoder(plan.representation_name):
        raise NothingToCompareError("sample loops need a decoder; name one with --decoder")
    yardstick = Yardstick.of(dataset, on_loop)
    held_out = dataset.evenly("validation", MAX_SCORED)
    tempi = [playable_bpm(dataset.bpm(held_out[number % len(held_out)])) for number in range(N_LOOPS)]
    requests = [Request(bpm=bpm, bars=dataset.bars, seed=number) for number, bpm in enumerate(tempi)]

    def check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        trained = Trained(copy.deepcopy(model).to("cpu"), codec, plan, meta)  # `to` would move the average itself
        loop_model = LoopModel("", trained, decoder)
        return yardstick.score(_made(loop_model, request) for request in requests)

    return check


def _made(model: LoopModel, request: Request) -> Sample:
    return Sample(
        waveform=make_loop(model, request),
        sample_rate=SAMPLE_RATE,
        bpm=request.bpm,
        bars=request.bars,
        track=f"sample {request.seed}",
    )


def _sample(dataset: Dataset, index: int) -> Sample:
    return Sample(
        waveform=dataset.waveform(index),
        sample_rate=dataset.sample_rate,
        bpm=dataset.bpm(index),
        bars=dataset.bars,
        track=dataset.name(index),
    )
