"""Sets of loops: the style distance does what it says, copies are found wherever they hide, the rows stand in order."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
import soundfile
from evaluation_music import RATE, play, sample, tempo
from paired import compare, griffin_lim, mp3_like

from fourfloor.copies import index as copy_index
from fourfloor.copies.index import CopyIndex, CopyMatch
from fourfloor.copies.levels import Levels, RawLevels
from fourfloor.copies.passages import Passage, dataset_passages
from fourfloor.copies.patches import N_BANDS
from fourfloor.copies.policy import COPY_LIMIT
from fourfloor.copies.windows import Windows, encode
from fourfloor.envelope import Envelope
from fourfloor.evaluation.diagnosis import diagnose
from fourfloor.evaluation.distance import StyleSpace, coverage, diversity_ratio, kernel_distance, mean_distance
from fourfloor.evaluation.judging import evaluate
from fourfloor.evaluation.numbers import Norms, ScoredSet, numbers_of, score_set
from fourfloor.evaluation.references import make_rows
from fourfloor.evaluation.scorecard import Scorecard
from fourfloor.evaluation.sources import Sample, Source
from fourfloor.evaluation.verdict import broken_anchors, judge, verdict_of
from fourfloor.ingestion import catalogue, writing

TRAIN, HELD_OUT = range(14), range(20, 32)


def clusters(n_tracks: int, per_track: int, seed: int, first: int = 0) -> tuple[np.ndarray, list[str]]:
    """Draw sets whose loops lie near their track, as music does."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.standard_normal((n_tracks, 6)), per_track, axis=0)
    names = [f"t{first + i // per_track}" for i in range(len(centers))]
    return centers + 0.3 * rng.standard_normal(centers.shape), names


def expected_distance(apart: float, spread: float, width: float, dimensions: int) -> float:
    """KAD of two normal clouds of one spread whose centers are so far apart, in closed form."""
    own = (1 + 4 * spread**2 / width) ** (-dimensions / 2)
    return 200 * own * (1 - np.exp(-(apart**2) / (width + 4 * spread**2)))


@pytest.mark.parametrize("apart", [0.0, 0.6, 2.0])  # 0, 2.2 and 20
def test_the_style_distance_is_what_the_formula_says_and_its_interval_holds_it(apart: float) -> None:
    expected, values, held = expected_distance(apart, 1.0, 12.0, 6), [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        first, second = rng.standard_normal((2, 200, 6))
        second[:, 0] += apart
        distance = kernel_distance(first, second, 12.0, [f"a{i}" for i in range(200)], [f"b{i}" for i in range(200)])
        values.append(distance.value)
        held.append(distance.low <= expected <= distance.high)
    # A biased estimate lies .6 too high.
    assert np.mean(values) == pytest.approx(expected, abs=0.15 + 0.02 * expected)
    assert np.abs(np.array(values) - expected).max() < (2.7 if apart < 1 else 6)
    assert np.mean(held) >= 0.85


@pytest.mark.parametrize("per_track", [2, 4, 8])
def test_the_mean_distance_of_halves_is_zero_where_a_biased_one_would_grow(per_track: int) -> None:
    values = []
    for seed in range(60):
        placed, tracks = clusters(16, per_track, seed)
        half = len(placed) // 2
        values.append(kernel_distance(placed[:half], placed[half:], 12.0, tracks[:half], tracks[half:]).value)
    assert abs(np.mean(values)) < min(2.7, 3 * np.std(values) / np.sqrt(len(values)))


def test_a_set_and_itself_are_no_distance_apart_in_any_order() -> None:
    placed, tracks = clusters(12, 3, 1)
    same = kernel_distance(placed, placed, 12.0, tracks, tracks)
    assert same.value == pytest.approx(0.0, abs=1e-6)
    other, other_tracks = clusters(12, 3, 2, first=50)
    order = np.random.default_rng(0).permutation(len(other))
    straight = kernel_distance(other + 1, placed, 12.0, other_tracks, tracks)
    turned = kernel_distance((other + 1)[order], placed, 12.0, [other_tracks[i] for i in order], tracks)
    assert turned.value == pytest.approx(straight.value, abs=1e-6)
    assert turned.low == pytest.approx(straight.low, abs=1e-6)
    assert straight.value > 10


def test_diversity_and_coverage_of_known_sets() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((64, 40))
    space = StyleSpace.of(vectors, [str(i) for i in range(64)])
    assert diversity_ratio(vectors, space) == pytest.approx(1.0)
    assert diversity_ratio(np.repeat(vectors[:1], 10, axis=0), space) == pytest.approx(0.0, abs=1e-3)
    assert diversity_ratio(space.mean + 0.5 * (vectors - space.mean), space) == pytest.approx(0.5)
    assert mean_distance(np.array([[0.0, 0.0], [3.0, 4.0]])) == pytest.approx(5.0)
    assert coverage(vectors, vectors) == 1.0
    assert coverage(vectors + 100, vectors) == 0.0


@pytest.fixture(scope="module")
def index() -> CopyIndex:
    return CopyIndex.of(
        Passage(
            name=f"track {track}",
            waveform=np.concatenate([play(track, part) for part in (0, 1)], 1),
            sample_rate=RATE,
            bpm=tempo(track),
        )
        for track in TRAIN
    )


def resampled(waveform: np.ndarray, semitones: float) -> np.ndarray:
    samples = round(waveform.shape[1] / 2 ** (semitones / 12))
    spectrum = scipy.fft.rfft(waveform[0])[: samples // 2 + 1]
    return scipy.fft.irfft(spectrum, samples)[None] * samples / waveform.shape[1]


def lossy(waveform: np.ndarray, container: str, subtype: str) -> np.ndarray:
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform.T, RATE, format=container, subtype=subtype, compression_level=0.99)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32", always_2d=True)[0].T


@pytest.mark.parametrize(
    ("change", "pace", "semitones"),
    [
        (lambda w: w, 1.0, 0),
        (lambda w: 0.2 * np.roll(w, 12_345, axis=1), 1.0, 0),
        (lambda w: lossy(w, "MP3", "MPEG_LAYER_III"), 1.0, None),
        (lambda w: lossy(w, "OGG", "VORBIS"), 1.0, None),
        (lambda w: resampled(w, 1), 2 ** (1 / 12), 1),
        (lambda w: resampled(w, -2), 2 ** (-2 / 12), -2),
    ],
)
def test_a_copy_is_found_and_named_however_it_was_changed(
    index: CopyIndex, change: object, pace: float, semitones: int | None
) -> None:
    for track in (2, 9):
        match = index.search(change(play(track)), RATE, tempo(track) * pace)  # type: ignore[operator]
        assert match.score >= COPY_LIMIT
        assert match.track == f"track {track}"
        assert semitones is None or match.semitones == semitones
        assert match.speed == pytest.approx(pace, rel=0.01)


def test_a_copy_at_another_tempo_is_found(index: CopyIndex) -> None:
    # The producer of these tracks plays the same part at any tempo: a time stretch without artefacts.
    for track in (2, 9):
        match = index.search(play(track, bpm=tempo(track) * 1.12), RATE, tempo(track) * 1.12)
        assert match.score >= COPY_LIMIT
        assert match.track == f"track {track}"


def test_where_a_copy_is_suspected_the_search_goes_on(index: CopyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, bpm = play(13, bpm=tempo(13) * 1.12), tempo(13) * 1.12
    in_full = index.search(loop, RATE, bpm)
    monkeypatch.setattr(copy_index, "_PLACES", 1)  # so that the nearest place comes late
    assert index.search(loop, RATE, bpm) == in_full
    monkeypatch.setattr(copy_index, "_SUSPECT", 1.0)
    assert index.search(loop, RATE, bpm).score < in_full.score - 0.01


def test_a_copy_of_one_bar_is_found() -> None:
    bar = play(40, bpm=132.0)[:, : round(RATE * 240 / 132.0)]
    assert bar.shape[1] < 2 * RATE  # shorter than what is compared
    index = CopyIndex.of([Passage(name="a", waveform=bar, sample_rate=RATE, bpm=132.0, closed=True)])
    assert index.search(bar, RATE, 132.0).score > 0.9
    assert index.search(np.tile(bar, 4), RATE, 132.0).score > 0.9


def test_the_time_of_a_match_is_right() -> None:
    track = np.concatenate([play(40, part) for part in range(3)], axis=1)
    index = CopyIndex.of([Passage(name="a", waveform=track, sample_rate=RATE, bpm=tempo(40), start_seconds=10.0)])
    start = round(7.0 * RATE)
    match = index.search(track[:, start : start + 4 * RATE], RATE, tempo(40))
    assert match.score > 0.9
    assert match.seconds - 10.0 == pytest.approx(7.0 + match.loop_seconds, abs=0.05)


def test_a_copy_of_what_repeats_often_is_found_at_the_right_place() -> None:
    tempi = (126.0, 174.0)
    loops = []
    for bpm in tempi:  # two notes in sixteenths: many places look alike from afar
        samples = round(RATE * 60 / bpm * 8)
        time, sixteenth = np.arange(samples) / RATE, 15 / bpm
        hertz = np.where(np.floor(time / sixteenth) % 3 == 0, 330.0, 495.0)
        loops.append((0.3 * np.sin(2 * np.pi * hertz * time) * np.exp(-8 * (time % sixteenth) / sixteenth))[None])
    index = CopyIndex.of(
        Passage(name=f"{bpm}", waveform=loop.astype(np.float32), sample_rate=RATE, bpm=bpm)
        for bpm, loop in zip(tempi, loops, strict=True)
    )
    for bpm, loop in zip(tempi, loops, strict=True):
        assert index.search(loop.astype(np.float32), RATE, bpm).score > 0.9


def test_other_tracks_are_no_copies_and_silence_is_none(index: CopyIndex) -> None:
    scores = [index.search(play(track), RATE, tempo(track)).score for track in HELD_OUT]
    assert max(scores) < COPY_LIMIT
    assert index.search(np.zeros((1, RATE * 4)), RATE, 120.0).score == 0.0
    assert index.search(np.full((1, RATE * 4), np.nan), RATE, 120.0).score == 0.0


def test_a_packed_index_finds_the_same(index: CopyIndex) -> None:
    levels = index.levels.packed(index.windows)
    packed = CopyIndex(index.table, index.windows, levels, index.top_hz)
    for track in (5, HELD_OUT[0]):
        match, again = (each.search(play(track), RATE, tempo(track)) for each in (index, packed))
        assert replace(again, score=match.score) == match
        assert again.score == pytest.approx(match.score, abs=0.01)


def test_joined_indexes_hold_what_both_hold_once_and_find_it() -> None:
    tracks = [Passage(name=f"{n}", waveform=play(n), sample_rate=RATE, bpm=tempo(n), closed=n != 3) for n in (2, 3, 4)]
    first, second = CopyIndex.of(tracks[:2]), CopyIndex.of(tracks[1:])
    both = first.joined(second)
    assert sorted(both.table.names) == ["2", "3", "4"]
    for n in (2, 3, 4):
        match = both.search(play(n), RATE, tempo(n))
        assert match.track == f"{n}"
        assert match.score > 0.95


@pytest.mark.parametrize("frames", [1, 2, 57, 83, 330, 1024, 1025, 4099])
@pytest.mark.parametrize("closed", [True, False])
def test_packed_levels_are_the_levels_to_two_decibels(frames: int, closed: bool) -> None:
    rng = np.random.default_rng(frames)
    levels = [
        rng.integers(0, 256, (N_BANDS, frames)).astype(np.uint8),
        rng.integers(0, 256, (N_BANDS, 90)).astype(np.uint8),
    ]
    windows = Windows(np.concatenate([*map(encode, levels)]), np.array([frames, 90]), np.array([closed, True]))
    at = np.arange(frames - 5, frames + 30) % frames if closed else np.arange(max(0, frames - 40), frames)
    both: list[Levels] = [RawLevels(levels), RawLevels(levels).packed(windows)]
    raw, packed = (each.read(np.array([0]), at[None]) for each in both)
    assert np.array_equal(raw[0], levels[0][:, at])
    assert np.abs(packed.astype(int) - raw).max() <= 4


def test_an_empty_index_finds_nothing() -> None:
    match = CopyIndex.of([]).search(play(1), RATE, 120.0)
    assert isinstance(match, CopyMatch)
    assert match.score == 0.0


@pytest.fixture(scope="module")
def measured(index: CopyIndex) -> tuple[Norms, dict[str, ScoredSet]]:
    train = Source.of([sample(track, part) for track in TRAIN for part in (0, 1)])
    held_out = Source.of([sample(track, part) for track in HELD_OUT for part in (0, 1)])
    usual = score_set((train[i] for i in range(len(train))), 10_000.0)
    rows = make_rows(train, held_out, 16, 0)
    heard = {row: score_set(loops, 10_000.0, index, 6 if row in "AH" else 0) for row, loops in rows.items()}
    norms = Norms(
        envelope=Envelope.of(usual.scores),
        space=StyleSpace.of(usual.vectors, usual.tracks),
        train=usual,
        held_out=heard["A"],
    )
    return norms, heard


def test_the_rows_stand_in_their_order(measured: tuple[Norms, dict[str, ScoredSet]]) -> None:
    norms, heard = measured
    rows = {row: numbers_of(loops, norms, 0, row == "A") for row, loops in heard.items()}
    assert rows["A"]["style"] < rows["C"]["style"] < rows["G"]["style"] < rows["D"]["style"]
    assert rows["H"]["copies"] == 1.0
    assert rows["A"]["copies"] == 0.0
    for fraud in "DEF":
        assert rows[fraud]["sane"] <= 0.1, fraud
    assert rows["E"]["independence"] < 0.1 < rows["A"]["independence"]
    assert rows["C"]["repetition"] < rows["A"]["repetition"]


def test_a_scale_that_cannot_tell_noise_from_music_is_broken(measured: tuple[Norms, dict[str, ScoredSet]]) -> None:
    norms, heard = measured
    rows = {row: numbers_of(heard[row], norms, 0, row == "A") for row in "AD"}
    broken = broken_anchors({"A": rows["A"], "D": rows["A"]})
    assert any(line.startswith("row D") for line in broken)
    assert not any(line.startswith("row D") for line in broken_anchors({"A": rows["A"], "D": rows["D"]}))


def test_what_cannot_be_judged_is_said_and_the_rest_is_judged(measured: tuple[Norms, dict[str, ScoredSet]]) -> None:
    norms, heard = measured
    rows = {row: numbers_of(heard[row], norms, 0, row == "A") for row in "ABCJ"}
    copies = numbers_of(heard["H"], norms, 0)
    gates = judge(copies, rows, norms, n_loops=24)
    assert gates["style"].passes is None
    assert "needs 32 loops" in gates["style"].judged_by
    assert verdict_of(gates)["new"] is False
    assert judge(copies, rows, norms, n_loops=64)["style"].judged_by.endswith("held-out tracks would decide")


def bursts(samples: int, seconds: float, seed: int) -> np.ndarray:
    """White noise in bursts that die away, one every so many seconds whatever the tempo."""
    time = np.arange(samples) / RATE
    return np.random.default_rng(seed).standard_normal(samples) * np.exp(-(time % seconds) / (0.3 * seconds))


def muffled_rhythm(samples: int, seed: int) -> np.ndarray:
    """Noise that hardly moves, of bass alone, louder after each joint of fragments of .41 s."""
    rng = np.random.default_rng(seed)
    swell = 1 + 3 * np.exp(-(np.arange(samples) / RATE % 0.41) / 0.03)
    spectrum = scipy.fft.rfft(rng.standard_normal(samples) * swell)
    hertz = np.arange(len(spectrum)) * RATE / samples
    return scipy.fft.irfft(spectrum / (1 + (hertz / 200) ** 3), samples) + 1e-4 * rng.standard_normal(samples)


def everything_at_once(samples: int, seed: int) -> np.ndarray:
    """Noise with the mean magnitudes of short spectra of all training loops, as from a VAE that answers the mean."""
    frames = np.concatenate([play(track, part)[0][: 2048 * 40].reshape(-1, 2048) for track in TRAIN for part in (0, 1)])
    mean = np.abs(scipy.fft.rfft(frames * np.hanning(2048))).mean(axis=0)
    white = scipy.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    return scipy.fft.irfft(white * np.interp(np.linspace(0, 1, len(white)), np.linspace(0, 1, 1025), mean), samples)


@pytest.mark.parametrize(("passes", "named"), [(True, False), (None, True), (False, True)])
def test_a_copy_is_a_failure_where_there_are_more_than_held_out_music_has(
    measured: tuple[Norms, dict[str, ScoredSet]], passes: bool | None, named: bool
) -> None:
    norms, heard = measured
    rows = {row: numbers_of(heard[row], norms, 0, row == "A") for row in "ABCJ"}
    made = replace(heard["A"], matches=[replace(heard["A"].matches[0], score=0.9), *heard["A"].matches[1:]])
    gates = judge(rows["A"], rows, norms, len(made.matches))
    gates["copies"] = replace(gates["copies"], passes=passes)
    assert ("copying" in diagnose(made, rows["A"], rows, gates, norms)) is named


@pytest.mark.parametrize(
    ("fake", "name"),
    [
        (lambda samples, seed: bursts(samples, 0.1024, seed), "helicopter"),
        (muffled_rhythm, "noise with distorted rhythm"),
        (everything_at_once, "superposition"),
        (lambda samples, seed: np.random.default_rng(seed).standard_normal(samples), "noise"),
        (lambda samples, seed: play(20 + seed, bpm=tempo(20 + seed) * 1.07)[0], None),  # music at another tempo
    ],
)
def test_what_a_network_of_the_seed_makes_is_named(
    measured: tuple[Norms, dict[str, ScoredSet]], fake: object, name: str | None
) -> None:
    norms, heard = measured
    loops = []
    for number in range(8):
        bpm = tempo(20 + number)
        waveform = fake(round(960 / bpm * RATE), number)  # type: ignore[operator]
        waveform = 0.2 / waveform.std() * np.atleast_2d(waveform).astype(np.float32)
        loops.append(Sample(waveform=waveform, sample_rate=RATE, bpm=bpm, bars=4, track=str(number), name=str(number)))
    made = score_set(loops, 10_000.0)
    rows = {row: numbers_of(heard[row], norms, 0, row == "A") for row in "ABCJ"}
    numbers = numbers_of(made, norms, 0)
    named = diagnose(made, numbers, rows, judge(numbers, rows, norms, len(loops)), norms)
    noises = {"helicopter", "noise with distorted rhythm", "superposition", "noise"}
    assert noises & set(named) == ({name} if name else set())
    assert "off-grid" in named


@pytest.fixture(scope="module")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "dataset"
    with writing.DatasetWriter(out, bars=2, sample_rate=RATE, channels=1) as writer:
        for track in (*range(10), *range(20, 26)):
            number = writer.add_track(
                name=f"track {track}",
                path=f"{track}.wav",
                sha256=f"{track:064d}",
                bpm=tempo(track),
                split="validation" if track >= 20 else "train",
            )
            for part in range(2):
                writer.add_loop(
                    play(track, part, bars=2), track=number, bpm=tempo(track), features=np.zeros((1, 1), np.float16)
                )
        writer.finish()
    return out


def judge_loops(dataset: Path, tracks: range, part: int, **options: Any) -> Scorecard:
    loops = [sample(track, part, bars=2) for track in tracks]
    return evaluate(
        ([loop.name for loop in loops], [loop.waveform for loop in loops], [loop.bpm for loop in loops]),
        dataset,
        sample_rate=RATE,
        n=12,
        only=["A", "D", "H"],
        **options,
    )


def test_copies_are_not_new_and_the_report_shows_them(small_dataset: Path, tmp_path: Path) -> None:
    card = judge_loops(small_dataset, range(6), 0, out=tmp_path / "report")
    assert card.verdict["new"] is False
    assert "copying" in card.diagnosis
    content = json.loads((tmp_path / "report" / "scorecard.json").read_text())
    assert {"verdict", "numbers", "rows", "gates", "diagnosis", "n", "seed", "cutoff_hz"} <= set(content)
    assert set(content["verdict"]) == {"music", "in_style", "new"}
    assert content["rows"]["H"]["copies"] == 1.0
    page = (tmp_path / "report" / "scorecard.html").read_text()
    assert "flagged copies" in page
    assert page.count("data:audio/wav") >= 5
    for outside in ("http://", "https://", "<script", "url("):
        assert outside not in page
    assert (tmp_path / "report" / "scorecard.md").read_text().count("|") > 50


def test_new_loops_are_new_and_the_order_and_names_of_files_change_no_byte(small_dataset: Path) -> None:
    loops = [sample(track, bars=2) for track in range(40, 46)]
    texts = []
    for order in (range(6), range(5, -1, -1)):
        chosen = [loops[i] for i in order]
        names = [f"{'<b>' if i else ''}{loop.name}" for i, loop in enumerate(chosen)]
        card = evaluate(
            (names, [loop.waveform for loop in chosen], [loop.bpm for loop in chosen]),
            small_dataset,
            n=6,
            sample_rate=RATE,
            only=["A", "D"],
        )
        texts.append(card.to_json())
    assert card.numbers["copies"] == 0.0
    assert texts[0] == texts[1]


def test_a_dataset_that_is_not_music_is_not_anchored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with writing.DatasetWriter(tmp_path / "noise", bars=1, sample_rate=RATE, channels=1) as writer:
        for number in range(24):
            track = writer.add_track(
                name=f"{number}",
                path=f"{number}.wav",
                sha256=f"{number:064d}",
                bpm=120.0,
                split="validation" if number > 11 else "train",
            )
            noise = 0.1 * rng.standard_normal((1, 2 * RATE)).astype(np.float32)
            writer.add_loop(noise, track=track, bpm=120.0, features=np.zeros((1, 1), np.float16))
        writer.finish()
    loop = (["a"], [play(1, bpm=120.0, bars=1)], [120.0])
    notes: list[str] = []
    out = tmp_path / "report"
    card = evaluate(loop, tmp_path / "noise", n=4, only=["D"], sample_rate=RATE, out=out, on_note=notes.append)
    assert any("row A: sane" in reason or "row A: tempo" in reason for reason in card.broken)
    assert card.broken[-1] in notes[0]
    assert set(card.verdict.values()) == {None}
    assert {gate.passes for gate in card.gates.values()} == {None}
    assert "Verdict: none. The reference rows do not support one" in (out / "scorecard.md").read_text()


def test_a_dataset_that_holds_out_too_little_gives_numbers_at_once_and_no_verdict(
    dataset_folder: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    stages: list[tuple[float, float, str]] = []
    loop = (["a"], [play(1, bpm=120.0, bars=1)], [120.0])
    card = evaluate(
        loop, dataset_folder, out=tmp_path, sample_rate=RATE,
        on_progress=lambda done, total, text: stages.append((done, total, text)), on_note=notes.append,
    )  # fmt: skip
    need = "2 held-out loops of 1 track are too few: hold out at least 12 loops of 6 tracks, or 10 tracks to judge"
    assert need in notes[0]
    assert need in card.broken[0]
    assert list(card.rows) == ["A"]  # no other row can be relied on, and they take minutes
    assert np.isfinite(card.numbers["pulse"])
    content = json.loads((tmp_path / "scorecard.json").read_text())
    assert (content["anchored"], content["broken"]) == (False, card.broken)
    assert content["verdict"] == {"music": None, "in_style": None, "new": None}
    for name in ("scorecard.md", "scorecard.html"):
        assert "Verdict: none." in (tmp_path / name).read_text()
        assert need in (tmp_path / name).read_text()
    assert [text for _, _, text in stages][:1] == ["fingerprints of the training loops, 1 of 10"]
    assert stages[-1][2] == "loops to judge, 1 of 1"
    assert stages[-1][0] == pytest.approx(stages[-1][1])
    assert all(before[0] < after[0] for before, after in pairwise(stages))


def test_loops_are_heard_and_forgotten() -> None:
    def loops(n: int) -> Iterator[Sample]:
        for seed in range(n):
            waveform = np.random.default_rng(seed).standard_normal((2, 22_050)).astype(np.float32)
            yield Sample(waveform=waveform, sample_rate=RATE, bpm=120.0, bars=1, track=str(seed))

    def peak(n: int) -> int:
        tracemalloc.start()
        try:
            score_set(loops(n), 10_000.0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(4)  # what is made once, such as filters
    assert peak(90) - peak(10) < 4e6  # bytes; the waveforms of 80 loops would be 14 million


def test_many_loops_need_no_matrix_of_all_pairs() -> None:
    placed = np.random.default_rng(0).standard_normal((3000, 8)).astype(np.float32)
    tracks = [str(i) for i in range(3000)]
    tracemalloc.start()
    try:
        kernel_distance(placed[:2900], placed[2900:], 12.0, tracks[:2900], tracks[2900:])
        mean_distance(placed)
        assert tracemalloc.get_traced_memory()[1] < 70e6  # one matrix of all pairs: 72 MB
    finally:
        tracemalloc.stop()


def test_an_unusable_request_is_refused_in_one_line(small_dataset: Path) -> None:
    with pytest.raises(ValueError, match="no loops to judge"):
        evaluate([], small_dataset)
    with pytest.raises(ValueError, match="reference row Z is unknown: the rows are"):
        evaluate([], small_dataset, only=["Z"])
    with pytest.raises(ValueError, match="cannot be judged"):
        evaluate((["a"], [np.zeros((1, 0))], [120.0]), small_dataset)


def test_passages_join_loops_that_follow_each_other(dataset_folder: Path) -> None:
    data = catalogue.load(dataset_folder)
    passages = list(dataset_passages(data))
    chained = sum(loop.follows is not None for loop in data.loops if loop.split == "train")
    assert len(passages) == len(data.indices("train")) - chained
    assert sum(passage.waveform.shape[1] for passage in passages) == sum(
        loop.frames for loop in data.loops if loop.split == "train"
    )


def test_paired_numbers_of_known_changes() -> None:
    waveform = play(3)
    same = compare(waveform, waveform, RATE)
    assert (same.mel_distance, same.worst_band_db, same.log_spectral_db) == (0.0, 0.0, 0.0)
    assert same.si_sdr_db > 100
    louder = compare(waveform, waveform * 2, RATE)
    assert louder.si_sdr_db > 100
    assert louder.worst_band_db == pytest.approx(20 * np.log10(2), abs=0.01)
    phases, coded = (compare(waveform, change(waveform, RATE, tempo(3), 4), RATE) for change in (griffin_lim, mp3_like))
    assert phases.si_sdr_db < 0 < coded.si_sdr_db  # each is the other's blind spot
    assert phases.log_spectral_db < coded.log_spectral_db
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(waveform, waveform[:, :-5], RATE)
