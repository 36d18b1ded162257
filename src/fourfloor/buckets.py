"""A dataset on an object store: files cut into shards that are named by their content, and a list of them.

    dataset.json     data hash, and for each file its size and the hashes of its shards; it appears last
    shards/HASH      up to 8 MiB of a file, named by the SHA-256 of its bytes

So a dataset that was not sent whole is not there, equal shards are sent once, and what arrives is checked. Whatever was
sent or received before an interruption is not sent again. A store that refuses is asked again for two minutes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fourfloor.arguments import refuse_address
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import FILES, NEEDED, Catalogue, load
from fourfloor.ingestion.schema import CODEC
from fourfloor.progress import OnProgress, ignore
from fourfloor.saving import check_folder_name, save_file
from fourfloor.stores import listing
from fourfloor.stores.listing import LIST, File, Listing
from fourfloor.stores.store import SHARDS, Store, UnreachableError, shard_name
from fourfloor.workspace import Workspace, is_resumed, visible_names

SHARD_BYTES = 8 * 2**20  # a few loops: who reads one at random fetches little more


def push(
    dataset: Path,
    url: str,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
    waits: tuple[float, ...] | None = None,
) -> str:
    """Send a dataset to an object store and return its data hash; what is there already is not sent again.

    FourfloorError in one line where the store refuses, where it is a folder with other files or in the dataset itself
    and, without `overwrite`, where it holds another dataset.
    """
    refuse_address(dataset)
    catalogue = load(dataset)
    store = Store(url, waits)
    _refuse_other_folder(store, catalogue)
    if not overwrite and listing.content_of(store) not in (None, catalogue.data_hash):
        raise FourfloorError(f"{url}: another dataset is there already; choose another URL or pass --overwrite")
    names = sorted(name for name in FILES if name != CODEC and (catalogue.path / name).is_file())
    total, done = sum((catalogue.path / name).stat().st_size for name in names), 0
    files: dict[str, File] = {}
    for name in names:
        hashes = []
        for content in _shards(catalogue.path / name):
            hashes.append(hashlib.sha256(content).hexdigest())
            if store.size(shard_name(hashes[-1])) != len(content):
                store.put(shard_name(hashes[-1]), content)
            done += len(content)
            on_progress(done, total, name)
        files[name] = File((catalogue.path / name).stat().st_size, tuple(hashes), SHARD_BYTES)
    listed = Listing(catalogue.data_hash, files, SHARD_BYTES)
    store.put(LIST, listed.to_bytes())
    if listing.read(store, NEEDED, FILES) != listed:
        raise FourfloorError(f"{url}: gives back another list than was sent; run the same command again")
    return catalogue.data_hash


def _refuse_other_folder(store: Store, catalogue: Catalogue) -> None:
    """Raise FourfloorError for a folder of this machine where shards would lie among files that push did not write."""
    place = store.folder
    if place is None:
        return
    if place.resolve().is_relative_to(catalogue.path.resolve()):
        raise FourfloorError(f"{store.url}: lies in the dataset itself; choose a folder beside it")
    if place.is_dir() and (others := visible_names(place) - {LIST, SHARDS}):
        raise FourfloorError(f"{store.url}: holds {sorted(others)[0]!a}, which push did not write; choose a new folder")


def _shards(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while content := file.read(SHARD_BYTES):
            yield content


def pull(
    url: str,
    out: Path,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
    waits: tuple[float, ...] | None = None,
) -> Catalogue:
    """Fetch a dataset from an object store into a folder, checked by its hashes, whole or not at all.

    An interrupted call keeps the shards that it has, and the same call goes on with them.
    """
    refuse_address(out)
    check_folder_name(out)
    if out.is_dir() and (names := visible_names(out)) and not (overwrite and names <= FILES):
        raise FourfloorError(f"{out}: is there already; choose another folder or, for a dataset, pass --overwrite")
    store = Store(url, waits)
    listed = listing.read(store, NEEDED, FILES)
    total = sum(file.size for file in listed.files.values())
    with Workspace(out, FILES, keep_scratch=True) as work, _unless_whole(work):
        is_resumed(work.scratch, listed.to_bytes().decode())
        done = 0
        for name, file in listed.files.items():
            for number, shard in enumerate(file.shards):
                done += _fetch(store, shard, file.length(number), work.scratch / shard)
                on_progress(done, total, name)
        for name, file in listed.files.items():
            with open(work.new / name, "wb") as joined:
                for shard in file.shards:
                    joined.write((work.scratch / shard).read_bytes())
        if load(work.new).data_hash != listed.data_hash:
            raise FourfloorError(f"{url}: {LIST} names another dataset than its shards are; send it again")
        work.place()
    return load(out, verify=False)


@contextmanager
def _unless_whole(work: Workspace) -> Iterator[None]:
    """Drop the shards where they are whole and yet no dataset: asking again would not help."""
    try:
        yield
    except FourfloorError as error:
        work.keep_scratch = isinstance(error, UnreachableError)
        raise


def _fetch(store: Store, shard: str, size: int, path: Path) -> int:
    """Have a shard on disk and return its size."""
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != shard:
        save_file(path, store.shard(shard, size))
    return path.stat().st_size
