"""What copies are searched in, damaged on disk: refused in one line before anything is inflated, never searched."""

import json
import resource
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from references import arrays_of, column, index_of, keep_old, levels_of, old_reference, rewrite
from safetensors.numpy import load_file, save_file

from fourfloor import loading
from fourfloor.copies import fingerprints, packing
from fourfloor.copies.patches import N_BANDS
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.scores import score_new, usual_range
from fourfloor.ingestion.writing import DatasetWriter


@pytest.fixture
def folder(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    """Return a copy of a run's reference, to be damaged."""
    fingerprints.copy(trained_runs["prior"], tmp_path)
    return tmp_path


def refused(folder: Path, told: str) -> None:
    with pytest.raises(FourfloorError, match=rf"^{folder}: its reference .* cannot be read \(.*{told}") as caught:
        fingerprints.load(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.update(envelope=[]), "usual ranges"),
        (lambda content: content.update(envelope={}), "usual ranges"),
        (lambda content: content["envelope"].update(more=[0, 1, 2]), "usual ranges"),
        (lambda content: content["envelope"].update(crest_db=[1.0]), "usual range of crest_db"),
        (lambda content: content["envelope"].update(crest_db=[3.0, 2.0, 1.0]), "usual range of crest_db"),
        (lambda content: content["envelope"].update(crest_db=[0.0, float("nan"), 1.0]), "usual range of crest_db"),
        (lambda content: content["envelope"].update(crest_db=[-1e999, 0.0, 1e999]), "usual range of crest_db"),
        (lambda content: content.update(index=[]), "not described"),
        (lambda content: content.update(more=1), "entries"),
        (lambda content: content.update(data_hash=7), "name of its data"),
        (lambda content: content.update(data_hash="\x1b[2J"), "name of its data"),
        (index_of(names=[], bpms=[], starts=[], lengths=[]), "passages"),
        (index_of(lengths=[]), "lengths"),
        (index_of(lengths="many"), "lengths"),
        (index_of(top_hz=0.0), "analyzed"),
        (index_of(top_hz=1e9), "analyzed"),
        (index_of(top_hz=None), "analyzed"),
        (index_of(code=1), "analyzed"),
        (column("names", "\x1b]0;title\x07"), "names"),
        (column("names", "two\nlines"), "names"),
        (column("names", 3), "names"),
        (column("bpms", 0), "bpms"),
        (column("bpms", -126.0), "bpms"),
        (column("bpms", float("nan")), "bpms"),
        (column("bpms", 1e300), "bpms"),
        (column("bpms", 10**400), "bpms"),
        (lambda content: content["envelope"].update(crest_db=[-1.0, 50.0, 10**400]), "usual range of crest_db"),
        (column("bpms", "126"), "bpms"),
        (column("bpms", True), "bpms"),
        (column("starts", float("inf")), "starts"),
        (column("starts", -1e7), "starts"),
        (column("lengths", 10**12), "lengths"),
        (column("lengths", 10**8), "do not fit"),
        (column("lengths", 10**9), "do not fit"),
        (column("lengths", 0), "lengths"),
        (column("lengths", 1.5), "lengths"),
        (column("lengths", 86), "do not fit"),
        (index_of(open=7), "list of its passages"),
        (index_of(open=[-1]), "list of its passages"),
        (index_of(open=[10**6]), "list of its passages"),
        (index_of(open=[True]), "list of its passages"),
        (index_of(code=2), "analyzed"),
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_value_that_cannot_be_right_is_refused(
    folder: Path, change: Callable[[dict], object], told: str, sealed: bool
) -> None:
    rewrite(folder, change, sealed)
    refused(folder, told)


@pytest.mark.parametrize(
    "change",
    [column("bpms", 127.5), column("starts", 1.0), column("names", "other"), index_of(top_hz=7000.0),
     lambda content: content["envelope"].update(crest_db=[-1.0, 50.0, 99.0])],
)  # fmt: skip
def test_a_changed_number_that_could_be_right_is_found_by_its_hash(
    folder: Path, change: Callable[[dict], object]
) -> None:
    content = json.loads((folder / fingerprints.ABOUT).read_text())
    change(content)
    (folder / fingerprints.ABOUT).write_text(json.dumps(content))
    refused(folder, "its hash differs")


def test_a_reference_without_a_hash_as_of_old_is_read(folder: Path) -> None:
    expected = fingerprints.load(folder)
    rewrite(folder, lambda content: None, sealed=False)
    assert fingerprints.load(folder).envelope == expected.envelope


@pytest.mark.parametrize("name", [fingerprints.ABOUT, fingerprints.ARRAYS, fingerprints.CELLS])
def test_any_flipped_byte_or_cut_changes_nothing_or_is_refused(folder: Path, name: str) -> None:
    expected = fingerprints.load(folder)
    path = folder / name
    original, rng = path.read_bytes(), np.random.default_rng(0)
    for position in [0, 7, 8, len(original) - 1, *rng.integers(0, len(original), 40)]:
        damaged = bytearray(original)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            read = fingerprints.load(folder)
        except FourfloorError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either is right
        else:
            assert read.envelope == expected.envelope
            assert read.index.table.rows() == expected.index.table.rows()
            np.testing.assert_array_equal(levels_of(read), levels_of(expected))
    for content in (b"", original[:5], original[: len(original) // 2], original + b"\0", b"[" * 100_000):
        path.write_bytes(content)
        refused(folder, "")


@pytest.mark.parametrize(
    "arrays",
    [{}, {"frames": np.zeros(9, np.float32)}, {"more": np.zeros(9, np.uint8)}, {"codes": np.zeros((3, 8), np.uint8)}],
)  # fmt: skip
def test_other_arrays_are_refused(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    save_file(arrays, folder / fingerprints.ARRAYS)
    rewrite(folder, lambda content: None)
    refused(folder, "its arrays are not those")


@pytest.mark.parametrize(
    "arrays",
    [{"levels": np.zeros(9, np.float32)}, {"levels": np.zeros((3, 3), np.uint8)}, {"codes": np.zeros((9, 8), np.uint8)},
     {"codes": np.zeros(9, np.uint8)}, {"codes": np.zeros((9, 8), np.int8)}, {"ends": np.zeros(1, np.uint64)},
     {"ends": np.zeros((1, 1), np.uint64)}, {"ends": np.zeros(3, np.float32)}],
)  # fmt: skip
def test_levels_of_another_kind_are_refused(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    arrays_of(folder, **arrays)
    refused(folder, "its (coarse )?levels")


def test_levels_that_stand_still_are_refused(folder: Path) -> None:
    windows = len(fingerprints.load(folder).index.windows)
    arrays_of(folder, codes=np.full((windows, 8), 0x77, np.uint8))
    refused(folder, "no copy could be found")


@pytest.mark.parametrize(
    "change",
    [lambda ends: ends[::-1].copy(), lambda ends: np.full_like(ends, 2**63), lambda ends: ends + np.uint64(1),
     lambda ends: np.full_like(ends, ends[-1]), lambda ends: np.zeros_like(ends)],
)  # fmt: skip
def test_pieces_that_do_not_follow_each_other_are_refused(folder: Path, change: Callable) -> None:
    data = np.zeros(2**20, np.uint8)
    ends = load_file(folder / fingerprints.ARRAYS)["ends"]
    ends[-1] = len(data)
    arrays_of(folder, levels=data, ends=change(ends))
    refused(folder, "not as long as their pieces")


@pytest.mark.parametrize("damage", ["empty", "noise", "bomb", "loud"])
def test_damaged_pieces_are_refused_where_a_search_comes_to_them(folder: Path, damage: str) -> None:
    index = fingerprints.load(folder).index
    levels = index.levels.packed(index.windows)
    count, ends = len(levels.ends), levels.ends
    if damage == "noise":
        arrays_of(folder, levels=np.random.default_rng(0).integers(0, 256, int(ends[-1])).astype(np.uint8))
    else:
        bytes_of = {"empty": b"", "bomb": bytes(2**24), "loud": b"\x1f" * N_BANDS * int(index.table.lengths[0])}[damage]
        deflater = zlib.compressobj(wbits=-15)
        stream = np.frombuffer(deflater.compress(bytes_of) + deflater.flush(), np.uint8)
        arrays_of(folder, levels=np.tile(stream, count), ends=np.arange(1, count + 1, dtype=np.uint64) * len(stream))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = fingerprints.load(folder).index
    with pytest.raises(FourfloorError, match=r"^its levels (are damaged|do not fill|are louder)"):
        read.levels.read(np.array([0]), np.array([[0]]))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_reference_of_an_earlier_version_is_read(folder: Path) -> None:
    expected = fingerprints.load(folder)
    keep_old(folder, *old_reference(folder))
    read = fingerprints.load(folder)
    assert read.index.table.rows() == expected.index.table.rows()
    np.testing.assert_array_equal(levels_of(read), levels_of(expected))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.update(step_db="2"), "steps"),
        (lambda content: content.update(step_db=True), "steps"),
        (lambda content: content.update(step_db=0), "steps"),
        (lambda content: content.update(step_db=16), "louder"),
        (index_of(names=[], bpms=[], starts=[], lengths=[]), "no passage long enough"),
        (column("lengths", 10**8), "would inflate to"),
        (column("lengths", 86), "do not fill"),
    ],
)
def test_a_damaged_reference_of_an_earlier_version_is_refused(
    folder: Path, change: Callable[[dict], object], told: str
) -> None:
    content, levels = old_reference(folder)
    change(content)
    keep_old(folder, content, levels)
    refused(folder, told)


def test_a_bomb_takes_no_memory(folder: Path) -> None:
    frames = 160_000_000  # 5 GB from 5 MB
    content, _ = old_reference(folder)
    deflater = zlib.compressobj(9)
    packed = b"".join(deflater.compress(bytes(2**20)) for _ in range(200)) + deflater.flush()
    save_file({"frames": np.frombuffer(packed, np.uint8)}, folder / fingerprints.ARRAYS)
    content["index"].update(names=["x"], bpms=[126.0], starts=[0.0], lengths=[frames])
    (folder / fingerprints.ABOUT).write_text(json.dumps(content))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(folder, "would inflate to")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_missing_reference_is_named(folder: Path) -> None:
    for name in (fingerprints.ARRAYS, fingerprints.ABOUT):
        (folder / name).unlink()
        with pytest.raises(FourfloorError) as caught:
            fingerprints.load(folder)
        remedy = "`fourfloor train --resume` writes it"
        assert str(caught.value) == f"{folder}: its reference to the training set is missing; {remedy}"


def test_silent_loops_make_no_reference(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "data", bars=1) as writer:
        for number in range(3):
            track = writer.add_track(name=str(number), path="x", sha256=f"{number:064d}", bpm=126.0)
            writer.add_loop(np.zeros((2, 84_000), np.float32), track=track, bpm=126.0)
        writer.finish()
    with pytest.raises(FourfloorError, match=rf"^{tmp_path}/data: no copy of its loops could be found"):
        fingerprints.write(tmp_path, Dataset([tmp_path / "data"]), usual_range)
    assert not (tmp_path / fingerprints.ABOUT).exists()


def test_a_silent_loop_is_near_nothing(folder: Path) -> None:
    scores = score_new(np.zeros((2, 84_000), np.float32), 44_100, 126.0, 1, fingerprints.load(folder).index)
    assert (scores.copy_score, scores.nearest) == (None, None)


def test_the_bundled_reference_is_sealed() -> None:
    folder = loading.bundled_folder(loading.BUNDLED)
    content = json.loads((folder / fingerprints.ABOUT).read_text())
    assert content["sha256"] == packing.sha256(content, folder / fingerprints.ARRAYS)


def test_the_reference_of_another_model_is_refused(folder: Path) -> None:
    own = fingerprints.load(folder)
    assert own.data_hash
    for data_hash in (own.data_hash, f"0123>{own.data_hash}", ""):  # the middle of a tuned model, the last of old
        assert replace(own, data_hash=data_hash).of(own.data_hash, folder).data_hash == data_hash
    with pytest.raises(FourfloorError, match=rf"^{folder}: its reference is of other data"):
        replace(own, data_hash=f"{own.data_hash}>0123").of(own.data_hash, folder)
