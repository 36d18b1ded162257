"""A dataset read back is what was written, and what was damaged is refused in one line."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import Catalogue, load, loop_features
from fourfloor.ingestion.schema import content_hashes
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.representations import latent
from fourfloor.signal.beatgrid import loop_frames, loop_samples

BPM = 174.3  # the fraction makes loops of odd lengths


def noise_loop(seed: int, bpm: float = BPM, channels: int = 2, sample_rate: int = 44_100) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (channels, loop_samples(bpm, 1, sample_rate))).astype(np.float32)


def write_dataset(
    out: Path, *, seeds: tuple[int, ...] = (0, 1, 2), overwrite: bool = False, name: str = "a"
) -> Catalogue:
    with DatasetWriter(out, bars=1, overwrite=overwrite, settings={"made": "for a test"}) as writer:
        held = writer.add_track(name="b", path="b.wav", sha256="b" * 64, bpm=BPM, split="validation", style="techno")
        track = writer.add_track(name=name, path=f"{name}.wav", sha256="a" * 64, bpm=BPM, dropped={"silence": 2})
        writer.add_loop(noise_loop(99), track=held, bpm=BPM, key="Amin")
        last = None
        for seed in seeds:
            last = writer.add_loop(noise_loop(seed), track=track, bpm=BPM, follows=last, start_seconds=1.5)
        writer.reject("c.wav", "is empty")
        return writer.finish()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data").path


def rewrite(dataset: Path, change: Callable[[dict], object], hashes: bool = True) -> None:
    """Change a catalogue's content; with right hashes, as a careless program would."""
    content = json.loads((dataset / "catalogue.json").read_text())
    change(content)
    if hashes:
        content["data_hash"], content["catalogue_hash"] = content_hashes(content)
    (dataset / "catalogue.json").write_text(json.dumps(content))


def test_what_is_read_is_what_was_written(dataset: Path) -> None:
    catalogue = load(dataset)
    assert [track.name for track in catalogue.tracks] == ["b", "a"]
    assert catalogue.tracks[0].style == "techno"
    assert catalogue.tracks[1].dropped == {"silence": 2}
    assert [track.loops for track in catalogue.tracks] == [1, 3]
    assert catalogue.rejected == ({"file": "c.wav", "reason": "is empty"},)
    assert (catalogue.indices("validation"), catalogue.indices("train")) == ([0], [1, 2, 3])
    assert [loop.follows for loop in catalogue.loops] == [None, None, 1, 2]
    assert catalogue.loops[0].key == "Amin"
    features = catalogue.features()
    assert features.shape == (4, loop_frames(1), latent.FEATURE_DIM)
    for index, seed in enumerate((99, 0, 1, 2)):
        waveform = catalogue.waveform(index)
        assert np.abs(waveform - noise_loop(seed)).max() <= 0.5 / 32767 + 1e-7
        assert np.array_equal(features[index], loop_features(waveform, BPM, 1))


@pytest.mark.parametrize("sample_rate", [10_000, 48_000])
def test_any_rate_has_the_features_of_44100(tmp_path: Path, sample_rate: int) -> None:
    with DatasetWriter(tmp_path / "data", bars=1, sample_rate=sample_rate, channels=1) as writer:
        track = writer.add_track(name="a", path="a.wav", sha256="a" * 64, bpm=125)
        time = np.arange(loop_samples(125, 1, sample_rate)) / sample_rate
        writer.add_loop(np.sin(2 * np.pi * 1000 * time, dtype=np.float32)[None], track=track, bpm=125)
        catalogue = writer.finish()
    assert catalogue.waveform(0).shape == (1, round(240 / 125 * sample_rate))
    loudest = catalogue.features()[0][:, latent.MEL].mean(axis=0).argmax()
    assert abs(latent.band_centers_hz()[loudest] - 1000) < 60


def test_data_hash_names_the_content_not_the_files(tmp_path: Path) -> None:
    first = write_dataset(tmp_path / "one").data_hash
    assert write_dataset(tmp_path / "two", name="renamed").data_hash == first
    assert write_dataset(tmp_path / "three", seeds=(0, 2, 1)).data_hash != first


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c["loops"][1].update(track=7),
        lambda c: c["loops"][1].update(track=-1),
        lambda c: c["loops"][1].update(follows=2),
        lambda c: c["loops"][2].update(follows=0),
        lambda c: c["loops"][1].update(offset=10**15),
        lambda c: c["loops"][1].update(frames=1),
        lambda c: c["loops"][1].update(bpm=0.0),
        lambda c: c["loops"][1].update(bpm=float("nan")),
        lambda c: c["loops"][1].update(bpm="126"),
        lambda c: c["loops"][1].update(split="test"),
        lambda c: c["loops"][1].pop("key"),
        lambda c: c["tracks"][0].update(loops=2),
        lambda c: c["tracks"][0].update(extra=1),
        lambda c: c["tracks"].pop(),
        lambda c: c["tracks"][0].update(bpm=0.0),
        lambda c: c["tracks"][0].update(bpm=-126.0),
        lambda c: c["tracks"][0].update(name="\x1b[31mred"),
        lambda c: c["tracks"][0].update(style="two\nlines"),
        lambda c: c["tracks"][0].update(dropped={"silence": "many"}),
        lambda c: c["tracks"][0].update(repairs=[7]),
        lambda c: c["rejected"].append("a file"),
        lambda c: c["rejected"].append({"file": "x", "reason": "\x07"}),
        lambda c: c["loops"].clear(),
        lambda c: c.update(feature_dim=10**9),
        lambda c: c.update(sample_rate=0),
        lambda c: c.update(channels=True),
        lambda c: c.update(schema=3),
        lambda c: c.update(unknown=1),
        lambda c: c.pop("settings"),
    ],
)
def test_a_catalogue_that_makes_no_sense_is_refused(dataset: Path, damage: Callable[[dict], object]) -> None:
    content = json.loads((dataset / "catalogue.json").read_text())
    damage(content)
    if not any(value != value for loop in content["loops"] for value in loop.values()):
        content["data_hash"], content["catalogue_hash"] = content_hashes(content)
    (dataset / "catalogue.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"^.*data: [^\n]+$"):
        load(dataset)


def test_an_edit_without_its_hash_is_refused(dataset: Path) -> None:
    rewrite(dataset, lambda content: content["tracks"][1].update(name="other"), hashes=False)
    with pytest.raises(ValueError, match="does not match its own hash"):
        load(dataset)


@pytest.mark.parametrize("name", ["audio.i16", "features.f16"])
@pytest.mark.parametrize("how", ["flip", "cut", "longer", "missing", "elsewhere"])
def test_damaged_arrays_are_refused(dataset: Path, name: str, how: str) -> None:
    path = dataset / name
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "elsewhere":
        path.unlink()
        path.symlink_to("/etc/hostname")
    else:
        content[len(content) // 2] ^= how == "flip"
        path.write_bytes({"flip": content, "cut": content[:-2], "longer": content + b"\0\0"}[how])
    with pytest.raises(ValueError, match=r"^[^\n]*data: [^\n]+$"):
        load(dataset)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
def test_no_damaged_byte_changes_what_is_read(dataset: Path, place: float, value: int, cut: bool) -> None:
    path = dataset / "catalogue.json"
    original = path.read_bytes()
    expected = load(dataset, verify=False)
    damaged = bytearray(original)
    position = int(place * len(damaged))
    damaged[position] = value
    path.write_bytes(damaged[:position] if cut else damaged)
    read: object
    try:
        read = load(dataset, verify=False)
    except ValueError as error:
        read = str(error).count("\n")
    finally:
        path.write_bytes(original)
    assert read in (expected, 0)  # equal where only white space was changed, else refused in one line


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (noise_loop(0)[:, :-1], "shape"),
        (noise_loop(0)[:1], "shape"),
        (2 * noise_loop(0), "peak"),
        (np.full_like(noise_loop(0), np.nan), "peak"),
    ],
)
def test_a_loop_that_does_not_fit_is_refused(tmp_path: Path, waveform: np.ndarray, message: str) -> None:
    with DatasetWriter(tmp_path / "data", bars=1) as writer:
        track = writer.add_track(name="a", path="a.wav", sha256="a" * 64, bpm=BPM)
        with pytest.raises(ValueError, match=message):
            writer.add_loop(waveform, track=track, bpm=BPM)
    assert os.listdir(tmp_path) == []


def test_without_loops_there_is_no_dataset(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "data", bars=1) as writer, pytest.raises(ValueError, match="no loops"):
        writer.finish()
    assert os.listdir(tmp_path) == []


def test_an_existing_dataset_is_replaced_only_when_asked(dataset: Path) -> None:
    before = load(dataset)
    with pytest.raises(ValueError, match="--overwrite"):
        write_dataset(dataset, seeds=(5,))
    assert load(dataset) == before
    assert write_dataset(dataset, seeds=(5,), overwrite=True).data_hash != before.data_hash
    assert os.listdir(dataset.parent) == ["data"]


def test_nothing_but_a_dataset_is_replaced(tmp_path: Path, dataset: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    (dataset / "notes.txt").write_text("mine")
    for name, message in (("holiday", "other files"), ("file", "not a folder"), ("data", r"notes\.txt")):
        with pytest.raises(ValueError, match=message):
            write_dataset(tmp_path / name, overwrite=True)
    assert (tmp_path / "holiday" / "photo.jpg").exists()
    assert (dataset / "notes.txt").read_text() == "mine"


def test_two_writers_exclude_each_other(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "data", bars=1), pytest.raises(ValueError, match="another process"):
        DatasetWriter(tmp_path / "data", bars=1)
    write_dataset(tmp_path / "data")


def test_a_file_called_catalogue_alone_is_not_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "catalogue.json").write_text('{"schema": 1, "books": []}')
    with pytest.raises(ValueError, match="other files"):
        write_dataset(tmp_path / "books", overwrite=True)
    assert (tmp_path / "books" / "catalogue.json").read_text() == '{"schema": 1, "books": []}'


def test_a_damaged_dataset_can_be_made_again(dataset: Path) -> None:
    (dataset / "catalogue.json").write_text("{")
    (dataset / "codec.safetensors").write_bytes(b"of the old loops")
    write_dataset(dataset, overwrite=True)
    assert load(dataset)
    assert not (dataset / "codec.safetensors").exists()


@pytest.mark.parametrize("out", ["/proc/data", "/dev/null/data"])
def test_a_place_that_cannot_be_written_is_named(out: str) -> None:
    with pytest.raises(ValueError, match=rf"^{out}[^\n]*choose another folder$"):
        DatasetWriter(out, bars=1)


def test_a_catalogue_of_the_schema_before_is_read(dataset: Path) -> None:
    def older(content: dict) -> None:
        content["schema"] = 1
        for track in content["tracks"]:
            for key in ("meter", "drift_ms", "grid"):
                del track[key]

    rewrite(dataset, older)
    assert [(track.meter, track.drift_ms, track.grid) for track in load(dataset).tracks] == [("4/4", 0.0, "steady")] * 2
    rewrite(dataset, lambda content: content["tracks"][0].update(grid="steady"))
    with pytest.raises(FourfloorError, match=r"tracks\[0\] has missing or unknown keys"):
        load(dataset)


def test_a_passage_is_the_training_loop_that_sounds_then_turned_to_begin_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with DatasetWriter(tmp_path / "data", bars=1) as writer:
        for name, split in (("first", "train"), ("second", "train"), ("held out", "validation")):
            track = writer.add_track(name=name, path=name, sha256=name[0] * 64, bpm=120.0, split=split)
            for start in (0.0, 2.0):
                waveform = rng.uniform(-0.5, 0.5, (2, loop_samples(120.0, 1, 44_100))).astype(np.float32)
                writer.add_loop(waveform, track=track, bpm=120.0, start_seconds=start)
        catalogue = writer.finish()
    found = catalogue.passage("second", 2.25)
    assert found is not None
    assert found[0] == 3
    np.testing.assert_array_equal(found[1], np.roll(catalogue.waveform(3), -11_025, axis=1))
    assert catalogue.passage("second", 4.0) is None
    assert catalogue.passage("held out", 0.0) is None
