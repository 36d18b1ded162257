"""Datasets on a real S3-compatible server: whole, checked and resumable, or one line."""

import subprocess
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from clusters import content, fourfloor, wait_until
from servers import Door, objects

from fourfloor import buckets
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import load

pytestmark = pytest.mark.skipif(find_spec("moto") is None, reason="needs moto and s3fs. Type: make test-scale")
pytest_plugins = ("servers",)
QUICK = (0.1,)


def test_a_dataset_comes_back_byte_for_byte(bucket: str, dataset_folder: Path, tmp_path: Path) -> None:
    buckets.push(dataset_folder, bucket)
    made = buckets.pull(bucket, tmp_path / "data")
    assert made.data_hash == load(dataset_folder).data_hash
    sent = {name: value for name, value in content(dataset_folder).items() if not name.startswith(("codec", "."))}
    assert content(tmp_path / "data") == sent
    assert len([name for name in objects(bucket) if name.startswith("shards/")]) > 4


def test_the_commands_send_and_fetch(bucket: str, dataset_folder: Path, tmp_path: Path) -> None:
    for command in (("push", dataset_folder, bucket), ("pull", bucket, "--out", tmp_path / "data")):
        subprocess.run(fourfloor(*command), check=True, capture_output=True)
    assert load(tmp_path / "data").data_hash == load(dataset_folder).data_hash
    again = subprocess.run(fourfloor("pull", bucket, "--out", tmp_path / "data"), capture_output=True, text=True)
    assert again.returncode == 2
    assert "is there already; choose another folder or, for a dataset, pass --overwrite" in again.stderr


def test_what_was_sent_is_not_sent_again(bucket: str, door: Door, dataset_folder: Path) -> None:
    class Stop(BaseException):
        pass

    def stop(done: float, total: float, text: str) -> None:
        if done > total / 2:
            raise Stop

    with pytest.raises(Stop):
        buckets.push(dataset_folder, bucket, on_progress=stop)
    with pytest.raises(FourfloorError, match=r"holds no dataset \(dataset.json is missing\)"):  # half of one is none
        buckets.pull(bucket, dataset_folder.with_name("half"))
    before, size = door.bytes_let_in, sum(map(len, content(dataset_folder).values()))
    buckets.push(dataset_folder, bucket)
    assert door.bytes_let_in - before < 0.6 * size


def test_an_interrupted_fetch_goes_on_where_it_was(bucket: str, dataset_folder: Path, tmp_path: Path) -> None:
    buckets.push(dataset_folder, bucket)

    class Stop(BaseException):
        pass

    def stop(done: float, total: float, text: str) -> None:
        if done > total / 2:
            raise Stop

    with pytest.raises(Stop):
        buckets.pull(bucket, tmp_path / "data", on_progress=stop)
    assert not (tmp_path / "data").exists()
    kept = [path for path in (tmp_path / ".data.fourfloor" / "scratch").iterdir() if len(path.name) == 64]
    assert kept != []
    kept[0].write_bytes(b"damaged on this disk")
    assert buckets.pull(bucket, tmp_path / "data").data_hash == load(dataset_folder).data_hash
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("shard", None, "is missing; send the dataset again: fourfloor push"),
        ("shard", b"other bytes", "is damaged; remove it from the bucket and send the dataset again"),
        ("dataset.json", None, "holds no dataset"),
        ("dataset.json", b"{", "dataset.json is damaged"),
        ("dataset.json", b'{"format": 1, "data_hash": "x", "files": {"../../etc/x": {}}}', "dataset.json is damaged"),
    ],
)
def test_a_shard_that_is_missing_or_damaged_is_one_line_and_no_dataset(
    bucket: str, dataset_folder: Path, tmp_path: Path, name: str, value: bytes | None, told: str
) -> None:
    import s3fs

    buckets.push(dataset_folder, bucket)
    name = next(found for found in sorted(objects(bucket)) if found.startswith(name))
    files = s3fs.S3FileSystem()
    files.rm_file(f"{bucket}/{name}")
    if value is not None:
        files.pipe_file(f"{bucket}/{name}", value)
    with pytest.raises(FourfloorError, match=told) as caught:
        buckets.pull(bucket, tmp_path / "data", waits=QUICK)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_refuses_for_a_while_costs_time_alone(
    bucket: str, door: Door, dataset_folder: Path, tmp_path: Path
) -> None:
    waits = (0.5,) * 60
    for work in (
        lambda: buckets.push(dataset_folder, bucket, waits=waits),
        lambda: buckets.pull(bucket, tmp_path / "data", waits=waits),
    ):
        door.open, before = False, door.refused
        thread = threading.Thread(target=work)
        thread.start()
        wait_until(lambda before=before: door.refused >= before + 3)  # type: ignore[misc]
        time.sleep(1)
        door.open = True
        thread.join(timeout=300)
        assert not thread.is_alive()
    assert load(tmp_path / "data").data_hash == load(dataset_folder).data_hash


def test_a_bucket_that_refuses_for_good_is_one_line(
    bucket: str, door: Door, dataset_folder: Path, tmp_path: Path
) -> None:
    buckets.push(dataset_folder, bucket)
    door.open = False
    with pytest.raises(FourfloorError, match=r"does not answer \(.*\); run the same command later"):
        buckets.pull(bucket, tmp_path / "data", waits=QUICK)
    assert not (tmp_path / "data").exists()


def test_a_bucket_that_is_not_there_is_one_line(bucket: str, dataset_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match="check the bucket's name and your credentials"):
        buckets.push(dataset_folder, "s3://nobody-has-this/techno", waits=QUICK)
    with pytest.raises(FourfloorError, match="write s3://BUCKET/NAME"):
        buckets.pull("what://is/this", tmp_path / "data")
