"""How a new loop compares with what its model heard: per-loop numbers, nearest training passage.

A reference is written beside a model when it is trained: fingerprints of every training loop, those that the model it
was tuned from had heard among them, and the usual range of each per-loop number. It makes the copy search possible
where the training audio is not.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fourfloor import header
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.evaluation import fingerprints
from fourfloor.evaluation.copying import CopyIndex, Passage
from fourfloor.evaluation.scores import Envelope, LoopScores, score_loop, with_copy
from fourfloor.evaluation.sources import dataset_passages
from fourfloor.generation import Request
from fourfloor.training.checkpoint import write_atomically

ARRAYS, ABOUT = "reference.safetensors", "reference.json"
MAX_BYTES = 2**30  # of the packed fingerprints: of 600 hours
ENVELOPE_LOOPS = 120  # evenly over the training set: enough for the range of a number


@dataclass(frozen=True)
class Reference:
    """What a model was trained on, as far as its loops are compared with it."""

    index: CopyIndex
    envelope: Envelope
    data_hash: str = ""  # of what it is of; of old references not known


def write_reference(
    folder: Path,
    dataset: Dataset,
    parent: Reference | None = None,
    on_loop: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Fingerprint and measure the training loops of a dataset, once.

    What the model it is tuned from had heard, `parent`, is searched as well; the range of the numbers is the dataset's.
    """
    data_hash = f"{parent.data_hash}>{dataset.data_hash}" if parent else dataset.data_hash
    with contextlib.suppress(FourfloorError):
        if load_reference(folder).data_hash == data_hash:
            return  # an earlier part of the run wrote it
    index = CopyIndex(training_passages(dataset, lambda done: on_loop(done, len(dataset))))
    scores = [
        score_loop(dataset.waveform(i), dataset.sample_rate, dataset.bpm(i), dataset.bars)
        for i in dataset.evenly("train", ENVELOPE_LOOPS)
    ]
    try:
        packed, about = fingerprints.seal(
            index.joined(parent.index) if parent else index, Envelope.of(scores), data_hash
        )
    except FourfloorError as error:
        reason = f"{dataset.catalogues[0].path}: no copy of its loops could be found ({error})"
        raise FourfloorError(f"{reason}; ingest other music") from None
    write_atomically(folder / ARRAYS, packed)
    write_atomically(folder / ABOUT, about)


def training_passages(dataset: Dataset, on_loop: Callable[[int], None] = lambda done: None) -> Iterator[Passage]:
    """Yield the passages of all parts of a dataset; a part that is given twice counts once.

    `on_loop(done)` is called with the number of passages so far; there are at most as many as loops.
    """
    parts = {part.path: part for part in dataset.catalogues}.values()
    passages = ((each.path, passage) for each in parts for passage in dataset_passages(each))
    for done, (path, passage) in enumerate(passages):
        on_loop(done)
        yield replace(passage, name=dataset.names[path, passage.name])


def load_reference(folder: Path) -> Reference:
    """Read a reference; FourfloorError in one line where it is missing or damaged."""
    try:
        content = header.read_json(folder / ABOUT)
        with open(folder / ARRAYS, "rb") as file:
            packed = file.read(MAX_BYTES + 1)
        if len(packed) > MAX_BYTES:
            raise FourfloorError(f"{ARRAYS} is larger than {MAX_BYTES} bytes")
        return Reference(*fingerprints.unseal(content, packed))
    except (OSError, FourfloorError) as error:
        reason = f"{folder}: its reference to the training set cannot be read ({error})"
        raise FourfloorError(f"{reason}; `fourfloor train --resume` writes it") from None


def copy_reference(source: Path, target: Path) -> None:
    """Copy a run's reference into a model folder."""
    for name in (ARRAYS, ABOUT):
        write_atomically(target / name, (source / name).read_bytes())


def score(waveform: np.ndarray, sample_rate: int, request: Request, reference: Reference) -> LoopScores:
    """Measure a loop and search the training set for its nearest passage."""
    scores = score_loop(waveform, sample_rate, request.bpm, request.bars)
    match = reference.index.search(waveform, sample_rate, request.bpm)
    if not match.track:
        return scores  # a loop that is silent or stands still is like nothing
    return with_copy(scores, round(match.score, 4), f"{match.track} @ {match.seconds:.1f} s")
