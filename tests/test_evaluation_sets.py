"""Sets of loops: the style distance does what it says, copies are found wherever they hide, the rows stand in order."""

import io
from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
import soundfile
from evaluation_music import RATE, play, sample, tempo

from fourfloor.copies import index as copy_index
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import Passage
from fourfloor.copies.policy import COPY_LIMIT
from fourfloor.envelope import Envelope
from fourfloor.evaluation.diagnosis import diagnose
from fourfloor.evaluation.distance import StyleSpace
from fourfloor.evaluation.numbers import Norms, ScoredSet, numbers_of, score_set
from fourfloor.evaluation.references import make_rows
from fourfloor.evaluation.sources import Sample, Source
from fourfloor.evaluation.verdict import broken_anchors, judge, verdict_of

TRAIN, HELD_OUT = range(14), range(20, 32)


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
