"""The index of copies: it finds what a full search finds, looks at as much however much music there is, and grows."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from evaluation_music import RATE, play, tempo
from safetensors.numpy import load_file, save_file

from fourfloor.copies import cells, fingerprints, search
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import Passage
from fourfloor.copies.policy import COPY_LIMIT
from fourfloor.copies.postings import Lookup, Postings
from fourfloor.copies.vocabulary import vocabulary
from fourfloor.errors import FourfloorError
from fourfloor.signal.stft import resample_loop

TRAIN, HELD_OUT = range(14), range(20, 26)


def passage(track: int) -> Passage:
    waveform = np.concatenate([play(track, part) for part in (0, 1)], axis=1)
    return Passage(name=f"track {track}", waveform=waveform, sample_rate=RATE, bpm=tempo(track), closed=track % 3 > 0)


@pytest.fixture(scope="module")
def index() -> CopyIndex:
    return CopyIndex.of(passage(track) for track in TRAIN)


def lossy(loop: np.ndarray, container: str, subtype: str) -> np.ndarray:
    buffer = io.BytesIO()
    soundfile.write(buffer, loop.T, RATE, format=container, subtype=subtype, compression_level=0.99)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32", always_2d=True)[0].T


def resampled(loop: np.ndarray, semitones: float) -> np.ndarray:
    return resample_loop(loop, round(loop.shape[1] / 2 ** (semitones / 12)))


def in_part(loop: np.ndarray) -> np.ndarray:
    """Put half of a loop into one that was not trained on, of the same length."""
    host = resample_loop(play(HELD_OUT[0]), loop.shape[1])
    host[:, loop.shape[1] // 4 : 3 * loop.shape[1] // 4] = loop[:, : loop.shape[1] // 2]
    return host


CHANGES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "turned": (lambda w: np.roll(w, 12_345, axis=1), 1.0),
    "MP3": (lambda w: lossy(w, "MP3", "MPEG_LAYER_III"), 1.0),
    "Ogg": (lambda w: lossy(w, "OGG", "VORBIS"), 1.0),
    "a semitone up": (lambda w: resampled(w, 1), 2 ** (1 / 12)),
    "a semitone down": (lambda w: resampled(w, -1), 2 ** (-1 / 12)),
    "half of it": (in_part, 1.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_found_among_few_pairs(index: CopyIndex, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAIRS", 4_000)  # of some 150,000
    changed, pace = CHANGES[change]
    for track in (1, 5, 10):
        match = index.search(changed(play(track)), RATE, tempo(track) * pace)
        assert match.score >= COPY_LIMIT, track
        assert match.track == f"track {track}"


def test_a_copy_at_another_tempo_is_found_among_few_pairs(index: CopyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAIRS", 4_000)
    for track in (2, 9):
        match = index.search(play(track, bpm=tempo(track) * 1.12), RATE, tempo(track) * 1.12)
        assert match.score >= COPY_LIMIT
        assert match.track == f"track {track}"


def test_few_pairs_give_the_verdicts_of_all(index: CopyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    loops = [(play(track), tempo(track)) for track in (*range(0, 14, 4), *HELD_OUT)]
    every = [index.search(loop, RATE, bpm).score >= COPY_LIMIT for loop, bpm in loops]
    monkeypatch.setattr(search, "PAIRS", 4_000)
    few = [index.search(loop, RATE, bpm).score >= COPY_LIMIT for loop, bpm in loops]
    assert few == every == [True] * 4 + [False] * len(HELD_OUT)


@pytest.mark.parametrize("size", [1_000, 20_000, 200_000])
def test_a_search_looks_at_as_many_pairs_in_much_music_as_in_little(size: int) -> None:
    rng = np.random.default_rng(size)
    numbers = rng.standard_normal((size, vocabulary().axes.shape[1])).astype(np.float32)
    numbers /= np.linalg.norm(numbers, axis=1, keepdims=True)
    listed = Postings._by_cell(
        np.arange(size), np.rint(127 * numbers).astype(np.int8), vocabulary().cells(numbers), size
    )
    queries = numbers[:50] + 0.02 * rng.standard_normal((50, numbers.shape[1])).astype(np.float32)
    near = Lookup([listed]).near(queries, 20_000)
    assert 15_000 < len(near.windows) == len(near.queries) == len(near.scores) <= 20_000
    found = near.windows[(near.windows == near.queries) & (near.scores > 0.9)]
    assert len(found) >= 48  # nearly each query's own window is among them


def test_of_little_music_every_pair_is_looked_at(index: CopyIndex) -> None:
    queries = np.eye(vocabulary().axes.shape[1], dtype=np.float32)[:5]
    near = Lookup([index.postings]).near(queries, 5 * len(index.postings))
    assert len(np.unique(np.stack([near.windows, near.queries]), axis=1).T) == 5 * len(index.postings)


def same(first: Postings, second: Postings) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("numbers", "descriptions", "ends")
    )


def test_an_index_that_was_extended_is_the_one_that_is_made_at_once() -> None:
    parts = [CopyIndex.of(map(passage, tracks)) for tracks in ((0, 1, 2), (3, 4), (2, 5, 6))]
    joined = parts[0].joined(parts[1]).joined(parts[2])
    assert len(joined.table) == 7
    assert same(joined.postings, Postings.of(joined.windows))
    assert len(joined.postings) > len(parts[0].postings) + len(parts[1].postings)


def test_to_extend_an_index_describes_nothing_again(index: CopyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    more = CopyIndex.of([passage(30)])
    monkeypatch.setattr(Postings, "of", None)
    assert len(index.joined(more).postings) == len(index.postings) + len(more.postings)


@pytest.fixture
def folder(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    fingerprints.copy(trained_runs["prior"], tmp_path)
    return tmp_path


def test_the_index_lies_in_a_mapped_file_and_is_made_where_there_is_none(folder: Path) -> None:
    kept = fingerprints.load(folder).index
    assert isinstance(kept.postings.descriptions, np.memmap)
    (folder / cells.FILE).unlink()
    made = fingerprints.load(folder).index
    assert same(made.postings, kept.postings)
    fingerprints.copy(folder, folder / "..")
    assert not (folder.parent / cells.FILE).exists()


def rewritten(folder: Path, change: Callable[[dict[str, np.ndarray], dict], object]) -> None:
    """Change arrays and description of an index, by somebody who knows how its hash is made."""
    path = folder / cells.FILE
    arrays = load_file(path)
    length = int.from_bytes(path.read_bytes()[:8], "little")
    about = json.loads(json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]["about"])
    change(arrays, about)
    if about.pop("sealed", True):
        about["sha256"] = cells._sha256(arrays)
    save_file(arrays, path, {"about": json.dumps(about)})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda arrays, about: about.update(reference="0" * 64), "other music"),
        (lambda arrays, about: about.update(vocabulary="0" * 64), "other version"),
        (lambda arrays, about: about.pop("reference"), "as this version writes"),
        (lambda arrays, about: (about.update(sealed=False), arrays["ends"].__iadd__(1)), "damaged"),
        (lambda arrays, about: arrays["ends"].__iadd__(np.uint32(1)), "do not fit"),
        (lambda arrays, about: arrays.update(ends=arrays["ends"][::-1].copy()), "do not fit"),
        (lambda arrays, about: arrays["numbers"].fill(2**31), "do not fit"),
        (lambda arrays, about: arrays.update(numbers=arrays["numbers"][1:].copy()), "not those of this version"),
        (lambda arrays, about: arrays.update(descriptions=arrays["descriptions"][:, 1:].copy()), "not those of"),
        (lambda arrays, about: arrays.update(ends=arrays["ends"].view(np.int8)), "not those of this version"),
        (lambda arrays, about: arrays.update(ends=arrays["ends"].astype(np.float32)), "as this version writes"),
        (lambda arrays, about: arrays.update(more=arrays["ends"]), "other arrays"),
        (lambda arrays, about: arrays.pop("numbers"), "other arrays"),
    ],
)
def test_a_damaged_index_is_refused_in_one_line(
    folder: Path, change: Callable[[dict[str, np.ndarray], dict], object], told: str
) -> None:
    rewritten(folder, change)
    with pytest.raises(FourfloorError, match=rf"^{folder}: its reference .* cannot be read \(.*{told}") as caught:
        fingerprints.load(folder)
    assert "\n" not in str(caught.value)


ARRAY = '{"__metadata__":{"about":"{}"},"ends":{"dtype":"I8","shape":%s,"data_offsets":%s}}'


@pytest.mark.parametrize(
    "header",
    ["[]", "{}", '{"__metadata__":{"about":"[]"}}', '{"__metadata__":3}', "[" * 60_000, ARRAY % ("[9e9]", "[0,9]"),
     ARRAY % ("[1,-1]", "[1,0]"), ARRAY % ("9", "[0,9]"), ARRAY % ("[1]", "3")],
)  # fmt: skip
def test_a_header_that_cannot_be_right_is_refused_in_one_line(folder: Path, header: str) -> None:
    for length in (len(header), 2**63):
        (folder / cells.FILE).write_bytes(length.to_bytes(8, "little") + header.encode())
        with pytest.raises(FourfloorError, match="cannot be read") as caught:
            fingerprints.load(folder)
        assert "\n" not in str(caught.value)


def test_a_match_is_the_same_whichever_music_lies_beside(index: CopyIndex) -> None:
    small = CopyIndex.of([passage(5)])
    loop, bpm = play(5), tempo(5)
    assert replace(small.search(loop, RATE, bpm), track="") == replace(index.search(loop, RATE, bpm), track="")
