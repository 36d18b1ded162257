"""Datasets that are damaged, foreign or too poor to train on: one line before the work, and hashed once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RECIPES, TINY, house_loop
from safetensors.numpy import load_file, save_file

from fourfloor import api
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.ingestion import checking
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.representations import latent


@pytest.fixture
def dataset(dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a dataset without a codec, to be damaged, and keep the user's cache folder out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ignored = shutil.ignore_patterns("codec.safetensors")
    return Path(shutil.copytree(dataset_folder, tmp_path / "data", ignore=ignored))


def write(folder: Path, loops: list[np.ndarray], bars: int = 1, sample_rate: int = 44_100, **track: Any) -> Path:
    """Make a dataset at 126 BPM, every loop of a track of its own."""
    with DatasetWriter(folder, bars=bars, sample_rate=sample_rate) as writer:
        for number, waveform in enumerate(loops):
            row = writer.add_track(name=str(number), path="x", sha256=f"{number:064d}", bpm=126.0, **track)
            writer.add_loop(waveform, track=row, bpm=126.0)
        writer.finish()
    return folder


def train(recipe: str, data: Path, run: Path) -> None:
    request = api.TrainRequest(
        recipe=RECIPES / f"{recipe}.toml", data=[data], run=run, steps=1, overrides=TINY[recipe][1::2], device="cpu"
    )
    api.train(request)


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("name", ["audio.i16", "features.f16"])
def test_one_flipped_bit_is_found_before_training(dataset: Path, name: str, place: float, tmp_path: Path) -> None:
    flip(dataset / name, place)
    with pytest.raises(FourfloorError, match=rf"^{dataset}: {name} is damaged"):
        train("prior", dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_feature_that_is_not_finite_is_found_though_its_hash_fits(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("fourfloor.ingestion.catalogue.np.isfinite", lambda values: np.array(True))
    monkeypatch.setattr("fourfloor.ingestion.catalogue.check_content", lambda *_: None)
    features = np.full((128, latent.FEATURE_DIM), np.nan, np.float16)
    with DatasetWriter(tmp_path / "data", bars=1) as writer:
        track = writer.add_track(name="x", path="x", sha256="0" * 64, bpm=126.0)
        writer.add_loop(house_loop(126.0), track=track, bpm=126.0, features=features)
        writer.finish()
    monkeypatch.undo()
    with pytest.raises(FourfloorError, match=r"features\.f16 holds values that are not finite"):
        Dataset([tmp_path / "data"])


def age(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files of a dataset have settled: a minute passes."""
    now = checking.time.time()
    monkeypatch.setattr(checking.time, "time", lambda: now + 60)


def test_a_dataset_is_hashed_once_until_it_is_touched(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    check = checking.check_content

    def counted(*content: Any) -> None:
        hashed.append(1)
        check(*content)

    monkeypatch.setattr(checking, "check_content", counted)
    Dataset([dataset])
    Dataset([dataset])
    assert len(hashed) == 2  # just written: a later change might carry the same time
    age(dataset, monkeypatch)
    dataset.chmod(0o555)
    Dataset([dataset])
    Dataset([dataset])
    assert len(hashed) == 3
    before = (dataset / "features.f16").stat()
    flip(dataset / "features.f16")
    os.utime(dataset / "features.f16", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(FourfloorError, match=r"features\.f16 is damaged"):
        Dataset([dataset])
    dataset.chmod(0o755)


def test_without_a_cache_folder_every_load_checks(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    age(dataset, monkeypatch)
    Dataset([dataset])
    flip(dataset / "audio.i16")
    with pytest.raises(FourfloorError, match=r"audio\.i16 is damaged in loop"):
        Dataset([dataset])


def change_codec(path: Path, change: Callable[[dict], object]) -> None:
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays["decode"].fill(0),
        lambda arrays: arrays["mean"].fill(np.inf),
        lambda arrays: arrays["encode"].__setitem__((0, 0), np.nan),
        lambda arrays: arrays.update(mean=arrays["mean"][:-1].copy()),
        lambda arrays: arrays.update(mean=arrays["mean"].astype(np.float64)),
        lambda arrays: arrays.update(more=np.zeros(1)),
        lambda arrays: arrays.pop("decode"),
    ],
)
def test_a_damaged_codec_is_named_before_training(dataset: Path, change: Callable[[dict], object]) -> None:
    path = dataset / "codec.safetensors"
    Dataset([dataset]).codec()
    change_codec(path, change)
    with pytest.raises(FourfloorError, match=rf"^{path}: is not the dataset's latent codec"):
        Dataset([dataset]).codec()


def test_any_flipped_byte_of_a_codec_changes_nothing_or_is_named(dataset: Path) -> None:
    path = dataset / "codec.safetensors"
    expected = Dataset([dataset]).codec()
    original = path.read_bytes()
    refused = 0
    for position in np.random.default_rng(0).integers(0, len(original), 24):
        damaged = bytearray(original)
        damaged[position] ^= 1 << int(position % 8)
        path.write_bytes(damaged)
        with pytest.raises(FourfloorError, match="is not the dataset's latent codec"):
            Dataset([dataset]).codec()
        refused += 1
    assert refused == 24
    path.write_bytes(original)
    np.testing.assert_array_equal(Dataset([dataset]).codec().decode, expected.decode)


def test_the_codec_of_another_dataset_is_refused(dataset: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", [house_loop(126.0, seed=seed) for seed in range(6)])
    Dataset([dataset]).codec()
    shutil.copy(dataset / "codec.safetensors", other)
    with pytest.raises(FourfloorError, match="belongs to another dataset"):
        Dataset([other]).codec()


@pytest.mark.parametrize("recipe", ["prior", "decoder"])
def test_loops_of_a_low_rate_or_of_three_bars_are_refused_before_the_work(recipe: str, tmp_path: Path) -> None:
    low = [latent_loop(22_050, 1, seed) for seed in range(4)]
    write(tmp_path / "low", low, sample_rate=22_050)
    with pytest.raises(FourfloorError, match=rf"^{tmp_path}/low: has loops at 22050 Hz, latents take at least 36000"):
        train(recipe, tmp_path / "low", tmp_path / "run")
    write(tmp_path / "three", [latent_loop(44_100, 3, seed) for seed in range(2)], bars=3)
    with pytest.raises(FourfloorError, match="three: has loops of 3 bars, latents take 1, 2, 4, 8"):
        train(recipe, tmp_path / "three", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "low" / "codec.safetensors").exists()


def latent_loop(sample_rate: int, bars: int, seed: int) -> np.ndarray:
    return house_loop(126.0, bars, sample_rate, seed)


@pytest.mark.parametrize(
    ("loops", "told"),
    [
        ([np.zeros((2, 84_000), np.float32)] * 6, "all loops have the same features"),
        ([house_loop(126.0)], "latents are too few to fit a codec"),
    ],
)
def test_a_dataset_with_nothing_to_learn_is_one_line(loops: list[np.ndarray], told: str, tmp_path: Path) -> None:
    write(tmp_path / "data", loops)
    with pytest.raises(FourfloorError, match=rf"^{tmp_path}/data: .*{told}"):
        train("prior", tmp_path / "data", tmp_path / "run")


def test_one_loop_many_times_trains(tmp_path: Path) -> None:
    write(tmp_path / "data", [house_loop(126.0)] * 8)
    train("decoder", tmp_path / "data", tmp_path / "run")
    assert api.list_models([tmp_path]).unreadable == ()
