"""What is searched for copies: a dataset's loops, joined to the stretches of music that they were cut from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fourfloor.dataset import Dataset
from fourfloor.ingestion.catalogue import Catalogue
from fourfloor.signal.analysis import Array


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of training audio, `(channels, samples)`; `closed` when it is a loop that goes on at its start."""

    name: str
    waveform: Array
    sample_rate: int
    bpm: float
    start_seconds: float = 0.0
    closed: bool = False


def dataset_passages(
    catalogue: Catalogue, split: str = "train", on_loop: Callable[[], None] = lambda: None
) -> Iterator[Passage]:
    """Join the loops that follow each other in a track; a loop that stands alone goes on at its own start."""
    indices = catalogue.indices(split)
    loops = catalogue.loops
    following = {loops[index].follows: index for index in indices if loops[index].follows is not None}
    joined: set[int] = set()
    for index in indices:
        if index in joined:
            continue
        chain = [index]
        while chain[-1] in following and following[chain[-1]] not in joined:
            chain.append(following[chain[-1]])
        joined.update(chain)
        loop = loops[index]
        yield Passage(
            name=catalogue.tracks[loop.track].name, sample_rate=catalogue.sample_rate, bpm=loop.bpm,
            waveform=np.concatenate([catalogue.waveform(i).mean(axis=0, keepdims=True) for i in chain], axis=1),
            start_seconds=loop.start_seconds, closed=len(chain) == 1,
        )  # fmt: skip
        for _ in chain:
            on_loop()


def training_passages(dataset: Dataset, on_loop: Callable[[int], None] = lambda done: None) -> Iterator[Passage]:
    """Yield the passages of all parts of a dataset; a part that is given twice counts once.

    `on_loop(done)` is called with the number of passages so far; there are at most as many as loops.
    """
    parts = {part.path: part for part in dataset.catalogues}.values()
    passages = ((each.path, passage) for each in parts for passage in dataset_passages(each))
    for done, (path, passage) in enumerate(passages):
        on_loop(done)
        yield replace(passage, name=dataset.names[path, passage.name])
