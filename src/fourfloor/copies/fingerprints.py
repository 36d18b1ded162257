"""What a model learned from, as far as its loops are compared with it: the file that lies beside the model.

It is written when the model is trained: fingerprints of every training loop, those that the model it was tuned from
had learned from among them, and the usual range of each number of a loop. So copies are found where the training music
is not.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fourfloor import header
from fourfloor.copies import cells, packing
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import training_passages
from fourfloor.dataset import Dataset
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.reading import open_file
from fourfloor.saving import save_file

ARRAYS, ABOUT, CELLS = "reference.safetensors", "reference.json", cells.FILE
MAX_BYTES = 2**30  # of the packed fingerprints: of 500 hours


@dataclass(frozen=True)
class Fingerprints:
    """The index of all training passages, and the usual range of the numbers of the dataset's loops."""

    index: CopyIndex
    envelope: Envelope
    data_hash: str = ""  # of what they are of; unknown of old ones

    def of(self, data_hash: str, source: object) -> "Fingerprints":
        """Return the fingerprints; FourfloorError in one line where `source` was trained on other data."""
        if self.data_hash and self.data_hash.rpartition(">")[2] != data_hash:
            reason = f"{source}: its reference is of other data than the model was trained on"
            raise FourfloorError(f"{reason}; `fourfloor train --resume` writes it, `fourfloor export` copies it")
        return self


def write(
    folder: Path,
    dataset: Dataset,
    measure: Callable[[Dataset, Callable[[int, int], None]], Envelope],
    parent: Fingerprints | None = None,
    on_loop: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Fingerprint and `measure` the training loops of a dataset, once; `on_loop(done, total)` counts both.

    What the model it is tuned from had learned from, `parent`, is searched too; the range of the numbers is the
    dataset's.
    """
    data_hash = f"{parent.data_hash}>{dataset.data_hash}" if parent else dataset.data_hash
    with contextlib.suppress(FourfloorError):
        if load(folder).data_hash == data_hash:
            return  # an earlier part of the run wrote it
    loops = len(dataset.indices("train"))
    index = CopyIndex.of(training_passages(dataset, lambda done: on_loop(done, 2 * loops)))
    envelope = measure(dataset, lambda done, total: on_loop(loops * (total + done), 2 * loops * total))
    try:
        made, packed, about = packing.seal(index.joined(parent.index) if parent else index, envelope, data_hash)
    except FourfloorError as error:
        reason = f"{dataset.catalogues[0].path}: no copy of its loops could be found ({error})"
        raise FourfloorError(f"{reason}; ingest other music") from None
    save_file(folder / ARRAYS, packed)
    save_file(folder / CELLS, made)
    save_file(folder / ABOUT, about)


def load(folder: Path) -> Fingerprints:
    """Read the fingerprints beside a model; FourfloorError in one line where they are missing or damaged."""
    try:
        content = header.read_json(folder / ABOUT)
        with open_file(folder / ARRAYS) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise FourfloorError(f"{ARRAYS} is larger than {MAX_BYTES} bytes")
        return Fingerprints(*packing.unseal(content, folder / ARRAYS))
    except (OSError, FourfloorError) as error:
        missing = not all((folder / name).exists() for name in (ABOUT, ARRAYS))
        told = "is missing" if missing else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        reason = f"{folder}: its reference to the training set {told}"
        raise FourfloorError(f"{reason}; `fourfloor train --resume` writes it") from None


def copy(source: Path, target: Path) -> None:
    """Copy a run's fingerprints into a model folder."""
    for name in (ARRAYS, CELLS, ABOUT):
        if name != CELLS or (source / name).exists():  # earlier versions wrote none
            save_file(target / name, (source / name).read_bytes())
