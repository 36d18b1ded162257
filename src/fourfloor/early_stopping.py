"""When a model has been tuned enough: a few of its loops, heard beside the dataset's own.

In: the averaged model at some step. Out: its style distance to the held-out loops, lower is better; infinite where the
loops resemble each other too much or one copies a training loop. The numbers are the scorecard's, of far fewer loops
than it takes for a verdict: they rank the steps of one run, made with the same seeds, and nothing else.
"""

import copy
from collections.abc import Callable
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
from fourfloor.evaluation.numbers import hear_set
from fourfloor.evaluation.sources import Sample
from fourfloor.generation import Request, make_loop
from fourfloor.loading import LoopModel, Trained
from fourfloor.representations import representation_module
from fourfloor.representations.latent import SAMPLE_RATE
from fourfloor.signal.analysis import CUTOFF_HZ
from fourfloor.signal.beatgrid import playable_bpm
from fourfloor.training.loop import Check

N_LOOPS = 8  # a check takes about as long as ten steps; the scorecard's verdict takes 32
MIN_DIVERSITY = 0.7  # the scorecard's gate
MIN_TRAIN = 8  # loops, for a style space
MAX_HEARD = 128  # loops of each split, evenly over it


class NothingToCompareError(FourfloorError):
    """Dataset or decoder do not suffice for a check."""


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
    if decoder is None and not hasattr(representation_module(plan.representation_name), "decode"):
        raise NothingToCompareError("no decoder turns its samples into sound; name one with --decoder")
    cutoff_hz = min(CUTOFF_HZ, 0.45 * dataset.sample_rate)
    train, held_out = (dataset.evenly(split, MAX_HEARD) for split in ("train", "validation"))
    if len(held_out) < 2:
        raise NothingToCompareError("a single held-out loop has no distance; ingest more music, or in shorter loops")
    if len(train) < MIN_TRAIN:
        raise NothingToCompareError(f"{len(train)} training loops are too few to measure a style; ingest more music")
    total = len(train) + len(held_out) + len(dataset)

    def sample_of(number: int, index: int) -> Sample:
        on_loop(number, total)
        return _sample(dataset, index)

    heard = hear_set((sample_of(number, index) for number, index in enumerate(train)), cutoff_hz)
    space = StyleSpace.of(heard.vectors, heard.tracks)
    numbered = enumerate(held_out, start=len(train))
    reference = space.place(hear_set((sample_of(number, index) for number, index in numbered), cutoff_hz).vectors)
    # All loops of the dataset: where a track's later loops validate, these are no music to repeat either.
    index = CopyIndex(
        training_passages(dataset, lambda done: on_loop(len(train) + len(held_out) + done, total)), cutoff_hz
    )
    tempi = [playable_bpm(dataset.bpm(held_out[number % len(held_out)])) for number in range(N_LOOPS)]
    requests = [Request(bpm=bpm, bars=dataset.bars, seed=number) for number, bpm in enumerate(tempi)]

    def check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        trained = Trained(copy.deepcopy(model).to("cpu"), codec, plan, meta)  # `to` would move the average itself
        samples = (
            Sample(
                waveform=make_loop(LoopModel("", trained, decoder), request),
                sample_rate=SAMPLE_RATE,
                bpm=request.bpm,
                bars=request.bars,
                track=f"sample {request.seed}",
            )
            for request in requests
        )
        loops = hear_set(samples, cutoff_hz, index, N_LOOPS)
        # Each held-out loop counts as a track: of one held-out track the pairs would not count, and nothing be left.
        # That adds the same to the distance of every step.
        names = [f"held-out {number}" for number in range(len(reference))]
        style = kernel_distance(space.place(loops.vectors), reference, space.width, loops.tracks, names).value
        diversity = diversity_ratio(loops.vectors, space)
        copies = sum(is_copy(match.score) for match in loops.matches)
        usable = diversity >= MIN_DIVERSITY and copies == 0 and np.isfinite(style)
        return style if usable else float("inf"), {"style": style, "diversity": diversity, "copies": copies}

    return check


def _sample(dataset: Dataset, index: int) -> Sample:
    return Sample(
        waveform=dataset.waveform(index),
        sample_rate=dataset.sample_rate,
        bpm=dataset.bpm(index),
        bars=dataset.bars,
        track=dataset.name(index),
    )
