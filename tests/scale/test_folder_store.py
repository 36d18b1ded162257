"""Datasets in a folder of this machine, such as a shared disk: the store that needs no server."""

import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from clusters import content

from fourfloor import buckets
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import load

pytestmark = pytest.mark.skipif(find_spec("fsspec") is None, reason="needs fsspec. Type: make test-scale")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_of_this_machine_serves_as_a_store(scheme: str, dataset_folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "shared disk" / "techno"
    sent = buckets.push(dataset_folder, f"{scheme}{place}")
    buckets.pull(f"{scheme}{place}", tmp_path / "back")
    assert content(tmp_path / "back") == content(dataset_folder)
    assert load(tmp_path / "back").data_hash == sent


def test_another_dataset_is_replaced_only_where_that_is_asked(
    dataset_folder: Path, truth_folder: Path, tmp_path: Path
) -> None:
    place = str(tmp_path / "techno")
    sent = buckets.push(dataset_folder, place)
    with pytest.raises(
        FourfloorError, match="another dataset is there already; choose another URL or pass --overwrite"
    ):
        buckets.push(truth_folder, place)
    assert buckets.push(dataset_folder, place) == sent
    other = buckets.push(truth_folder, place, overwrite=True)
    assert buckets.pull(place, tmp_path / "back").data_hash == other != sent
    (tmp_path / "techno" / "dataset.json").write_bytes(b"{")  # damaged: to send it again is what the error says
    assert buckets.push(dataset_folder, place) == sent


def test_shards_never_lie_among_other_files(dataset_folder: Path, tmp_path: Path) -> None:
    """Sent into its own folder, a dataset could not be replaced any more; in a music folder shards are a mess."""
    own, music = tmp_path / "own", tmp_path / "music"
    shutil.copytree(dataset_folder, own)
    music.mkdir()
    (music / "track.wav").write_bytes(b"mine")
    for place in (own, own / "sent"):
        with pytest.raises(FourfloorError, match="lies in the dataset itself; choose a folder beside it"):
            buckets.push(own, str(place))
    with pytest.raises(FourfloorError, match=r"music: holds 'track\.wav', which push did not write"):
        buckets.push(own, str(music), overwrite=True)
    with pytest.raises(FourfloorError, match="own: is a dataset that push did not send; use it as it is"):
        buckets.pull(str(own), tmp_path / "back")
    assert content(own) == content(dataset_folder)
    assert [path.name for path in music.iterdir()] == ["track.wav"]


def test_a_folder_that_cannot_be_written_or_an_address_with_a_slip_is_one_line_at_once(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(FourfloorError, match="check the folder's name and permissions"):
        buckets.push(dataset_folder, "file/below")
    with pytest.raises(FourfloorError, match="write it as s3://BUCKET/NAME"):
        buckets.push(dataset_folder, "s3:/bucket/techno")
    with pytest.raises(FourfloorError, match="holds no dataset"):
        buckets.pull("nothing/here", tmp_path / "back")
    for inside in (f"{dataset_folder}/store", f"file://{dataset_folder}"):
        with pytest.raises(FourfloorError, match="lies in the dataset itself"):
            buckets.push(dataset_folder, inside)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
