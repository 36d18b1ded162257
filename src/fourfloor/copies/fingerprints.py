"""What a model learned from, as far as its loops are compared with it: the file that lies beside the model.

It is written when the model is trained: fingerprints of every training loop, those that the model it was tuned from
had learned from among them, and the usual range of each number of a loop. So copies are found where the training music
is not.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from fourfloor import header, loading
from fourfloor.copies import cells, packing
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.parts import parts_of
from fourfloor.copies.passages import training_passages
from fourfloor.dataset import Dataset
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.reading import open_file
from fourfloor.saving import SavingError, save_file

ARRAYS, ABOUT, CELLS = "reference.safetensors", "reference.json", cells.FILE
MAX_BYTES = 2**30  # of the packed fingerprints in a file: of 500 hours
MAX_PARTS = loading.MAX_PARTS  # of an index, each in files of its own


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
    on_loop(0, 2 * loops)
    envelope = measure(dataset, lambda done, total: on_loop(loops * done, 2 * loops * total))
    passages = training_passages(dataset, lambda done: on_loop(loops + done, 2 * loops))
    try:
        _write_parts(folder, parts_of(passages, parent.index if parent else None), envelope, data_hash)
    except FourfloorError as error:
        if isinstance(error, SavingError):
            raise
        reason = f"{dataset.catalogues[0].place}: no copy of its loops could be found ({error})"
        raise FourfloorError(f"{reason}; ingest other music") from None
    on_loop(2 * loops, 2 * loops)  # passages are fewer than loops where loops repeat them


def _write_parts(folder: Path, parts: Iterable[CopyIndex], envelope: Envelope, data_hash: str) -> None:
    """Write the parts of an index, two in memory at most; the last one names the others, and makes them count."""
    hashes: list[str] = []
    for part, following in pairwise(chain(parts, [None])):
        assert part is not None
        if following is None:
            sealed, names = packing.seal(part, envelope, data_hash, hashes), part_files(0)
        else:
            sealed, names = packing.seal(part, envelope, data_hash), part_files(len(hashes) + 1)
            hashes.append(sealed.sha256)
        if len(hashes) >= MAX_PARTS:
            raise FourfloorError(f"its index has more than {MAX_PARTS} parts; train on less music")
        for name, content in zip(names, (sealed.arrays, sealed.cells, sealed.about), strict=True):
            save_file(folder / name, content)
    for number in range(len(hashes) + 1, MAX_PARTS):
        for name in part_files(number):
            (folder / name).unlink(missing_ok=True)


def load(folder: Path) -> Fingerprints:
    """Read the fingerprints beside a model; FourfloorError in one line where they are missing or damaged."""
    try:
        content = header.read_json(folder / ABOUT)
        hashes = content.get("parts", [])
        if not isinstance(hashes, list) or not all(type(each) is str for each in hashes[:MAX_PARTS]):
            raise FourfloorError("the list of its parts is damaged")
        if len(hashes) >= MAX_PARTS:
            raise FourfloorError(f"it has more than {MAX_PARTS} parts")
        others = [_opened(folder, number, named)[0] for number, named in enumerate(hashes, 1)]
        index, envelope, data_hash = _opened(folder, 0, content.get("sha256"), content)
        return Fingerprints(CopyIndex.of_parts([*others, index]), envelope, data_hash)
    except (OSError, FourfloorError) as error:
        missing = not all((folder / name).exists() for name in (ABOUT, ARRAYS))
        told = "is missing" if missing else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        reason = f"{folder}: its reference to the training set {told}"
        raise FourfloorError(f"{reason}; `fourfloor train --resume` writes it") from None


def _opened(
    folder: Path, number: int, named: object, content: dict[str, Any] | None = None
) -> tuple[CopyIndex, Envelope, str]:
    """Open a part by its number, whose hash is `named`."""
    arrays, listed, about = (folder / name for name in part_files(number))
    content = header.read_json(about) if content is None else content
    if content.get("sha256") != named:
        raise FourfloorError(f"{about.name} is of another reference")
    with open_file(arrays) as file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise FourfloorError(f"{arrays.name} is larger than {MAX_BYTES} bytes")
    return packing.unseal(content, arrays, listed)


def part_files(number: int) -> tuple[str, str, str]:
    """Return the names of a part's arrays, cells and description; 0 is the part that names the others."""
    if not number:
        return ARRAYS, CELLS, ABOUT
    return f"reference-{number}.safetensors", f"cells-{number}.safetensors", f"reference-{number}.json"


def copy(source: Path, target: Path) -> None:
    """Copy a run's fingerprints into a model folder."""
    for number in range(len(header.read_json(source / ABOUT).get("parts", [])), -1, -1):
        for name in part_files(number):
            if number or name != CELLS or (source / name).exists():  # earlier versions wrote none
                save_file(target / name, (source / name).read_bytes())
