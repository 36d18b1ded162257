"""Datasets read where they are stored: the same values, a cache that stays small, and one line for what is wrong."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fourfloor import buckets
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.scorecard import split_sources
from fourfloor.ingestion.catalogue import load
from fourfloor.stores import is_address, name_of, place_of
from fourfloor.stores.cache import VARIABLE, Cache, size_limit

SHARD = 2**18


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fourfloor" / "shards"


@pytest.fixture
def sent(cache: Path, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of the dataset in shards of 256 KiB, under a store that any machine has."""
    monkeypatch.setattr(buckets, "SHARD_BYTES", SHARD)
    (tmp_path / "store" / "shards").mkdir(parents=True)
    buckets.push(dataset_folder, f"file://{tmp_path}/store")
    return f"file://{tmp_path}/store"


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_place_is_a_folder_or_an_address() -> None:
    assert place_of("s3://bucket/techno/") == "s3://bucket/techno/"
    assert place_of("data/techno") == Path("data/techno")
    assert not is_address(Path("s3://bucket"))  # has lost a slash
    assert [name_of(place_of(each)) for each in ("s3://bucket/techno/", "data/techno")] == ["techno", "techno"]


def test_a_stored_dataset_has_the_values_of_its_folder(sent: str, dataset_folder: Path) -> None:
    stored, local = load(sent), load(dataset_folder)
    assert (stored.data_hash, stored.loops, stored.tracks) == (local.data_hash, local.loops, local.tracks)
    assert os.fspath(stored) == sent
    theirs, ours = Dataset([stored]), Dataset([dataset_folder])  # type: ignore[list-item]
    for index in range(len(ours)):
        assert np.array_equal(theirs.features(index), ours.features(index))
        assert np.array_equal(theirs.waveform(index), ours.waveform(index))
        assert theirs.name(index) == ours.name(index)
    assert theirs.codec().to_latents(ours.features(0)).tolist() == ours.codec().to_latents(ours.features(0)).tolist()


def test_truth_is_read_where_it_is_stored(cache: Path, truth_folder: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/store"
    (tmp_path / "store" / "shards").mkdir(parents=True)
    buckets.push(truth_folder, url)
    theirs, ours = Dataset([url]), Dataset([truth_folder])
    assert theirs.has_truth
    for name in ("stems.f16", "score.u8"):
        assert np.array_equal(theirs.truth(name, 1), ours.truth(name, 1))


def test_rows_are_those_of_an_array(sent: str, dataset_folder: Path) -> None:
    stored, local = load(sent).features(), load(dataset_folder).features()
    for rows in (slice(2, 5), slice(None), slice(5, 2), slice(10, 99)):
        assert np.array_equal(stored[rows], local[rows])
    assert np.array_equal(stored[-1], local[-1])
    with pytest.raises(IndexError):
        stored[len(local)]
    sent_elsewhere = pickle.loads(pickle.dumps(load(sent)))  # to a process or machine that judges loops
    assert np.array_equal(sent_elsewhere.waveform(3), load(dataset_folder).waveform(3))


def test_only_what_is_read_is_fetched(sent: str, cache: Path, dataset_folder: Path) -> None:
    load(sent).waveform(4)
    loop = load(dataset_folder).loops[4]
    assert size_of(cache) < loop.frames * 4 + 4 * SHARD < size_of(dataset_folder) / 2


def test_the_cache_stays_small_and_keeps_what_was_read_last(
    sent: str, cache: Path, dataset_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 8 * SHARD
    monkeypatch.setattr("fourfloor.stores.cache.size_limit", lambda: limit)
    stored, local = load(sent), load(dataset_folder)
    for index in range(len(local.loops)):
        assert np.array_equal(stored.waveform(index), local.waveform(index))
        assert size_of(cache) <= limit
    last = {path.name for path in cache.iterdir() if not path.name.startswith(".")}
    audio = dataset_folder / "audio.i16"
    assert hashlib.sha256(audio.read_bytes()[-(audio.stat().st_size % SHARD) :]).hexdigest() in last


def test_of_shards_that_are_used_the_oldest_goes(tmp_path: Path) -> None:
    cache, contents = Cache(tmp_path, 250), [bytes([number]) * 100 for number in range(3)]
    names = [hashlib.sha256(content).hexdigest() for content in contents]
    for name, content in zip(names[:2], contents, strict=False):
        cache.read(name, 0, 1, lambda content=content: content)  # type: ignore[misc]
        time.sleep(0.02)
    assert cache.read(names[0], 5, 9, pytest.fail) == bytes(4)
    time.sleep(0.02)
    cache.read(names[2], 0, 1, lambda: contents[2])
    assert {path.name for path in tmp_path.iterdir() if len(path.name) == 64} == {names[0], names[2]}


def test_a_shard_that_was_damaged_on_this_disk_is_fetched_again(sent: str, cache: Path, dataset_folder: Path) -> None:
    expected = load(dataset_folder).waveform(0)
    assert np.array_equal(load(sent).waveform(0), expected)
    for path in cache.iterdir():
        if len(path.name) == 64:
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert np.array_equal(load(sent).waveform(0), expected)


def test_what_a_killed_process_left_is_removed(sent: str, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / ".fourfloor-0123456789abcdef").write_bytes(b"half a shard")
    load(sent)
    assert not (cache / ".fourfloor-0123456789abcdef").exists()


READ_ALL = """
import hashlib, sys
from fourfloor.evaluation.scorecard import split_sources
from fourfloor.ingestion.catalogue import load
data = load(sys.argv[1])
for _ in range(3):
    print(hashlib.sha256(b"".join(data.waveform(i).tobytes() for i in range(len(data.loops)))).hexdigest())
"""


def test_processes_share_a_cache_that_is_too_small_for_all(
    sent: str, cache: Path, dataset_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMIT", str(8 * SHARD))
    code = "import os, fourfloor.stores.cache as c; c.size_limit = lambda: int(os.environ['LIMIT'])\n" + READ_ALL
    command = [sys.executable, "-c", code, sent]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    local = load(dataset_folder)
    whole = b"".join(local.waveform(index).tobytes() for index in range(len(local.loops)))
    for reader in readers:
        assert reader.communicate(timeout=120)[0].split() == [hashlib.sha256(whole).hexdigest()] * 3
    assert size_of(cache) <= 8 * SHARD


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("shards/", None, "is missing; send the dataset again: fourfloor push"),
        ("shards/", b"other bytes", "is damaged; remove it from the bucket and send the dataset again"),
        ("dataset.json", None, "holds no dataset"),
        ("dataset.json", b"[" * 100_000, "dataset.json is damaged"),
        ("data_hash", "f" * 64, "its list names another dataset than its shards are; send the dataset again"),
        ("data_hash", "../../etc", "dataset.json is damaged"),
        ("shard_bytes", 2**40, "dataset.json is damaged"),
        ("shard_bytes", True, "dataset.json is damaged"),
        ("format", 2, "dataset.json is damaged"),
        ("files", {}, "dataset.json is damaged"),
    ],
)
def test_what_is_wrong_in_the_store_is_one_line(sent: str, tmp_path: Path, name: str, value: object, told: str) -> None:
    store = tmp_path / "store"
    if name.endswith("/"):
        found = [path for path in (store / name).iterdir()]
    elif name == "dataset.json":
        found = [store / name]
    else:
        listed = json.loads((store / "dataset.json").read_text())
        (store / "dataset.json").write_text(json.dumps(listed | {name: value}))
        found = []
    for path in found:
        path.unlink() if value is None else path.write_bytes(value)  # type: ignore[arg-type]
    with pytest.raises(FourfloorError, match=told) as caught:
        load(sent)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(sent)


def test_features_that_are_not_finite_are_one_line(sent: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    listed = json.loads((store / "dataset.json").read_text())
    damaged = b"\xff" * SHARD
    shard = hashlib.sha256(damaged).hexdigest()
    (store / "shards" / shard).write_bytes(damaged)
    listed["files"]["features.f16"]["shards"][0] = shard
    (store / "dataset.json").write_text(json.dumps(listed))
    with pytest.raises(FourfloorError, match=r"features.f16 holds values that are not finite; make the dataset again"):
        Dataset([sent]).features(0)


@pytest.mark.parametrize("told", ["much", "0", "nan", "-1", "1e9"])
def test_a_cache_without_a_size_is_one_line(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, told)
    with pytest.raises(FourfloorError, match="set it to a number of gigabytes"):
        size_limit()


def test_a_cache_that_cannot_be_written_is_one_line(sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        FourfloorError, match=r"cannot keep what is read.*; free space, lower .*, or set XDG_CACHE_HOME"
    ):
        load(sent)


def test_lists_of_earlier_versions_have_shards_of_64_mib(sent: str, tmp_path: Path, dataset_folder: Path) -> None:
    store, files = tmp_path / "store", {}
    for name in ("catalogue.json", "audio.i16", "features.f16"):
        content = (dataset_folder / name).read_bytes()
        shard = hashlib.sha256(content).hexdigest()
        (store / "shards" / shard).write_bytes(content)
        files[name] = {"size": len(content), "shards": [shard]}
    listed = {"format": 1, "data_hash": load(dataset_folder).data_hash, "files": files}
    (store / "dataset.json").write_text(json.dumps(listed))
    assert np.array_equal(load(sent).waveform(7), load(dataset_folder).waveform(7))
    assert buckets.pull(sent, tmp_path / "data").data_hash == listed["data_hash"]


def test_what_a_dataset_lacks_is_said_of_its_address(cache: Path, truth_folder: Path, tmp_path: Path) -> None:
    buckets.push(truth_folder, f"file://{tmp_path}/store")
    with pytest.raises(FourfloorError, match=rf"^file://{tmp_path}/store: 2 training loops are too few to judge by"):
        split_sources(load(f"file://{tmp_path}/store"))
