"""Training and judging on a real S3-compatible server, without a copy: the same bytes as from a folder, or one line."""

import subprocess
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from clusters import fourfloor, wait_until
from servers import Door, objects

import fourfloor as ff
from fourfloor import buckets
from fourfloor.errors import FourfloorError
from fourfloor.evaluation import judging
from fourfloor.ingestion.catalogue import load
from fourfloor.stores import store
from fourfloor.training import checkpoint

pytestmark = pytest.mark.skipif(find_spec("moto") is None, reason="needs moto and s3fs. Type: make test-scale")
pytest_plugins = ("servers",)
TINY = {"wavegan": ["model.width=4"], "prior": ["model.width=32", "model.depth=1"]}
COMMON = ["training.threads=1", "training.batch_size=2", "training.listen_seconds=0"]


@pytest.fixture
def sent(bucket: str, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    buckets.push(dataset_folder, bucket)
    return bucket


@pytest.mark.parametrize("recipe", TINY)
def test_a_bucket_trains_what_its_folder_trains(sent: str, dataset_folder: Path, tmp_path: Path, recipe: str) -> None:
    """The first reads audio, the second features and the codec."""
    for name, data in (("ours", dataset_folder), ("theirs", sent)):
        ff.train(recipe, data=data, out=tmp_path / name, steps=3, device="cpu", overrides=COMMON + TINY[recipe])
    ours, theirs = (checkpoint.load_latest(tmp_path / name) for name in ("ours", "theirs"))
    assert theirs.meta["data_hash"] == ours.meta["data_hash"]
    assert all(torch.equal(value, theirs.tensors[name]) for name, value in ours.tensors.items())
    for file in ("log.jsonl", "reference.safetensors", "reference.json", "cells.safetensors"):
        assert (tmp_path / "theirs" / file).read_bytes() == (tmp_path / "ours" / file).read_bytes()
    assert f'"{sent}"' in (tmp_path / "theirs" / "run.json").read_text()


def test_loops_are_judged_against_a_bucket_as_against_its_folder(
    sent: str, dataset_folder: Path, tmp_path: Path
) -> None:
    loops = [load(dataset_folder).waveform(number)[:, :90_000] for number in range(2)]
    for name, data in (("ours", dataset_folder), ("theirs", sent)):
        judging.evaluate((["a", "b"], loops, [117.6] * 2), data, only="A", out=tmp_path / name)
    assert (tmp_path / "ours" / "scorecard.json").read_bytes() == (tmp_path / "theirs" / "scorecard.json").read_bytes()


def test_recipes_are_compared_on_a_bucket(sent: str, tmp_path: Path) -> None:
    found = ff.compare(
        "wavegan", data=sent, out=tmp_path, steps=1, n=1, music=False, device="cpu", overrides=COMMON + TINY["wavegan"]
    )
    assert found.data == "techno"
    assert [system.problem for system in found.systems] == ["", ""]


def test_a_bucket_that_refuses_while_it_is_read_costs_time_alone(
    sent: str, door: Door, dataset_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAITS", (0.5,) * 60)
    stored, local, read = load(sent), load(dataset_folder), []
    door.open, before = False, door.refused
    thread = threading.Thread(target=lambda: read.append(stored.waveform(3)))
    thread.start()
    wait_until(lambda: door.refused >= before + 3)
    time.sleep(1)
    door.open = True
    thread.join(timeout=300)
    assert np.array_equal(read[0], local.waveform(3))


def test_a_bucket_that_refuses_for_good_is_one_line(sent: str, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WAITS", (0.1,))
    stored = load(sent)
    door.open = False
    with pytest.raises(FourfloorError, match=r"does not answer \(.*\); run the same command later") as caught:
        stored.waveform(3)
    assert "\n" not in str(caught.value)


def test_a_training_whose_shard_is_missing_is_one_line_and_goes_on_once_it_is_there(
    sent: str, dataset_folder: Path, tmp_path: Path
) -> None:
    import s3fs

    shards = {name: value for name, value in objects(sent).items() if name.startswith("shards/")}
    catalogue = (dataset_folder / "catalogue.json").read_bytes()
    files = s3fs.S3FileSystem()
    for name in (gone := [name for name, value in shards.items() if value != catalogue]):
        files.rm_file(f"{sent}/{name}")
    options = [word for each in COMMON + TINY["wavegan"] for word in ("--set", each)]
    command = fourfloor("train", "wavegan", "--data", sent, "--steps", 1, *options, "--out", tmp_path / "run")
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    told = refused.stderr.strip().splitlines()[-1]
    assert told.endswith("is missing; send the dataset again: fourfloor push"), refused.stderr
    assert gone
    buckets.push(dataset_folder, sent)
    assert ff.train("wavegan", data=sent, out=tmp_path / "run", steps=1, overrides=COMMON + TINY["wavegan"]).steps == 1


def test_processes_that_read_at_once_fetch_each_shard_once(
    sent: str, door: Door, dataset_folder: Path, tmp_path: Path
) -> None:
    code = "import sys; from fourfloor.ingestion.catalogue import load; d = load(sys.argv[1]); " \
           "[d.waveform(i) for i in range(len(d.loops))]"  # fmt: skip
    before, command = door.bytes_let_out, [fourfloor()[0], "-c", code, sent]
    for reader in [subprocess.Popen(command) for _ in range(3)]:
        assert reader.wait(timeout=300) == 0
    assert door.bytes_let_out - before < 1.3 * (dataset_folder / "audio.i16").stat().st_size
