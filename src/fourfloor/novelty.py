"""How a new loop compares with what its model heard: per-loop numbers, nearest training passage.

A reference is written beside a model when it is trained: fingerprints of every training loop, those that the model it
was tuned from had heard among them, and the usual range of each per-loop number. It makes the copy search possible
where the training audio is not.
"""

import contextlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.copying import N_BANDS, STEPS_PER_DB, CopyIndex, Passage
from fourfloor.evaluation.scores import Envelope, LoopScores, score_loop, with_copy
from fourfloor.evaluation.sources import dataset_passages
from fourfloor.generation import Request
from fourfloor.training.checkpoint import write_atomically

ARRAYS, ABOUT = "reference.safetensors", "reference.json"
STEP_DB = 2  # of the kept fingerprints
ENVELOPE_LOOPS = 120  # evenly over the training set: enough for the range of a number


@dataclass(frozen=True)
class Reference:
    """What a model was trained on, as far as its loops are compared with it."""

    index: CopyIndex
    envelope: Envelope
    data_hash: str = ""  # of what it is of; of old references not known


def write_reference(folder: Path, dataset: Dataset, parent: Reference | None = None) -> None:
    """Fingerprint and measure the training loops of a dataset, once.

    What the model it is tuned from had heard, `parent`, is searched as well; the range of the numbers is the dataset's.
    """
    data_hash = f"{parent.data_hash}>{dataset.data_hash}" if parent else dataset.data_hash
    with contextlib.suppress(FourfloorError):
        if load_reference(folder).data_hash == data_hash:
            return  # an earlier part of the run wrote it
    index = CopyIndex(training_passages(dataset))
    arrays, about = (index.joined(parent.index) if parent else index).to_arrays()
    scores = [
        score_loop(dataset.waveform(i), dataset.sample_rate, dataset.bpm(i), dataset.bars)
        for i in dataset.evenly("train", ENVELOPE_LOOPS)
    ]
    write_atomically(folder / ARRAYS, save({"frames": pack(arrays["frames"])}))
    envelope = Envelope.of(scores).to_dict()
    content = {"index": about, "step_db": STEP_DB, "envelope": envelope, "data_hash": data_hash}
    write_atomically(folder / ABOUT, (json.dumps(content) + "\n").encode())


def training_passages(dataset: Dataset) -> Iterator[Passage]:
    """Yield the passages of all parts of a dataset; a part that is given twice counts once."""
    for part in {part.path: part for part in dataset.catalogues}.values():
        for passage in dataset_passages(part):
            yield replace(passage, name=dataset.names[part.path, passage.name])


def load_reference(folder: Path) -> Reference:
    """Read a reference; FourfloorError in one line where it is missing or damaged."""
    try:
        content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        lengths = content["index"]["lengths"]
        step_db = content.get("step_db", 1)  # as it was before it was written down
        if step_db not in range(1, 17):
            raise FourfloorError(f"steps of {step_db} dB")
        frames = unpack(load_file(folder / ARRAYS)["frames"], N_BANDS, sum(lengths), step_db)
        index = CopyIndex.from_arrays({"frames": frames}, content["index"])
        return Reference(index, Envelope.from_dict(content["envelope"]), str(content.get("data_hash", "")))
    except (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError,
            SafetensorError, zlib.error) as error:  # fmt: skip
        reason = f"{folder}: its reference to the training set cannot be read ({error})"
        raise FourfloorError(f"{reason}; `fourfloor train --resume` writes it") from None


def pack(frames: np.ndarray) -> np.ndarray:
    """Compress fingerprints uint8 `(bands, frames)` to bytes: steps of 2 dB, differences in time, deflate.

    Levels scatter by some 8 dB, so rounding them lowers a copy score by less than 0.01; an hour takes 1.63 MB. Deflate
    is told to expect small numbers, not words: 7 % less.
    """
    changes = np.diff(frames // (STEP_DB * STEPS_PER_DB), axis=1, prepend=np.uint8(0))
    deflater = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    return np.frombuffer(deflater.compress(changes.tobytes()) + deflater.flush(), dtype=np.uint8)


def unpack(packed: np.ndarray, bands: int, frames: int, step_db: int = STEP_DB) -> np.ndarray:
    """Undo `pack`; FourfloorError where the content has not the stated size, whatever it would inflate to."""
    content = zlib.decompressobj().decompress(packed.tobytes(), max_length=bands * frames + 1)  # 0 would be no limit
    if len(content) != bands * frames:
        raise FourfloorError(f"fingerprints do not fill {bands} bands of {frames} frames")
    levels = np.cumsum(np.frombuffer(content, dtype=np.uint8).reshape(bands, frames), axis=1, dtype=np.uint8)
    return levels * np.uint8(step_db * STEPS_PER_DB) + np.uint8(step_db * STEPS_PER_DB // 2)


def copy_reference(source: Path, target: Path) -> None:
    """Copy a run's reference into a model folder."""
    for name in (ARRAYS, ABOUT):
        write_atomically(target / name, (source / name).read_bytes())


def score(waveform: np.ndarray, sample_rate: int, request: Request, reference: Reference) -> LoopScores:
    """Measure a loop and search the training set for its nearest passage."""
    scores = score_loop(waveform, sample_rate, request.bpm, request.bars)
    match = reference.index.search(waveform, sample_rate, request.bpm)
    return with_copy(scores, round(match.score, 4), f"{match.track} @ {match.seconds:.1f} s")
