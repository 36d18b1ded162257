"""Files that are whole bars are taken as they are: from the first sample, closed, every sample kept up to gain."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fourfloor.audio import LoopTags, decode, write_loop
from fourfloor.ingestion.exact import claimed_tempi, find_circle, length_tempo, named_tempi, whole_bars
from fourfloor.ingestion.folder import IngestConfig, IngestReport, ingest
from fourfloor.producer import render_loop
from fourfloor.signal.beatgrid import loop_samples

RATE = 44_100
STEP = 1.01 / 32767
Songs = dict[float, np.ndarray]


def house(bpm: float, bars: int, sample_rate: int = RATE, seed: int = 1) -> np.ndarray:
    """Return a produced loop (2, samples), closed and exactly `bars` bars long."""
    return render_loop(seed, bpm=bpm, bars=bars, sample_rate=sample_rate).waveform


def ingest_file(path: Path, out: Path, **options: object) -> IngestReport:
    return ingest([path], out, IngestConfig(jobs=1, **options))  # type: ignore[arg-type]


def assert_kept(report: IngestReport, index: int, expected: np.ndarray) -> None:
    """Check that a loop has the samples of a waveform, up to gain and rounding, at no shift."""
    loop = report.catalogue.loops[index]
    kept = report.catalogue.waveform(index) / 10 ** (loop.gain_db / 20)
    assert kept.shape == expected.shape
    assert np.abs(kept - expected).max() < STEP / 10 ** (loop.gain_db / 20) + 2.0**-15


@pytest.mark.parametrize("bpm", [90.0, 124.0, 126.37, 133.3333, 174.5])
def test_a_loop_of_ours_comes_back_sample_for_sample(bpm: float, tmp_path: Path) -> None:
    loop = house(bpm, 4)
    write_loop(tmp_path / "loop.wav", loop, LoopTags(bpm=bpm, bars=4))
    report = ingest_file(tmp_path / "loop.wav", tmp_path / "data")
    assert [(loop.start_seconds, loop.bars) for loop in report.catalogue.loops] == [(0.0, 4)]
    assert report.tracks[0].grid == "exact"
    assert report.tracks[0].bpm == pytest.approx(bpm, abs=2e-4)
    assert report.tracks[0].confidence == 1.0
    assert_kept(report, 0, loop)


@pytest.mark.parametrize(
    "name", ["drums_127bpm.wav", "127 Techno 03 Amin.wav", "loop-127-24bit.wav", "x_127p0bpm_4.wav"]
)
def test_the_tempo_in_a_name_is_enough(name: str, tmp_path: Path) -> None:
    loop = house(127.0, 4)
    soundfile.write(tmp_path / name, loop.T, RATE, subtype="FLOAT")
    report = ingest_file(tmp_path / name, tmp_path / "data")
    assert (report.tracks[0].bpm, report.tracks[0].grid, report.loops) == (127.0, "exact", 1)
    assert_kept(report, 0, loop)


@pytest.mark.parametrize(("bpm", "options"), [(125.0, {}), (125.0, {"bpm": 125.0}), (128.5, {}), (141.37, {})])
def test_four_bars_without_a_name_are_recognized(bpm: float, options: dict, tmp_path: Path) -> None:
    loop = house(bpm, 4)
    soundfile.write(tmp_path / "loop.wav", loop.T, RATE, subtype="FLOAT")
    report = ingest_file(tmp_path / "loop.wav", tmp_path / "data", **options)
    assert report.tracks[0].bpm == pytest.approx(bpm, abs=1e-3)
    assert_kept(report, 0, loop)


@pytest.mark.parametrize("bars", [1, 2])
def test_a_short_loop_is_repeated(bars: int, tmp_path: Path) -> None:
    loop = house(126.0, bars)
    soundfile.write(tmp_path / "loop_126.wav", loop.T, RATE, subtype="FLOAT")
    report = ingest_file(tmp_path / "loop_126.wav", tmp_path / "data")
    assert_kept(report, 0, np.tile(loop, 4 // bars))
    assert report.tracks[0].bpm == pytest.approx(126.0, abs=1e-3)
    assert f"{bars} {'bar' if bars == 1 else 'bars'}, repeated to 4" in report.tracks[0].repairs


def test_eight_bars_are_two_loops(tmp_path: Path) -> None:
    loop = np.concatenate([house(126.0, 4, seed=1), house(126.0, 4, seed=2)], axis=1)
    soundfile.write(tmp_path / "loop_126.wav", loop.T, RATE, subtype="FLOAT")
    report = ingest_file(tmp_path / "loop_126.wav", tmp_path / "data")
    assert [loop.start_seconds for loop in report.catalogue.loops] == pytest.approx([0.0, 960 / 126], abs=1e-5)
    assert report.catalogue.loops[1].follows == 0
    for index in (0, 1):
        assert_kept(report, index, loop[:, index * 336_000 :][:, :336_000])


def test_another_rate_is_resampled_on_the_circle(tmp_path: Path) -> None:
    """A loop cut open at another sample gives the same loop, turned by as much: nothing happens at the joint."""
    loop = house(120.0, 4, sample_rate=48_000)
    reports = []
    for number, shift in enumerate((0, 48_000)):  # one second: 44,100 samples at the other rate
        soundfile.write(tmp_path / f"{number}_120.wav", np.roll(loop, -shift, axis=1).T, 48_000, subtype="FLOAT")
        reports.append(ingest_file(tmp_path / f"{number}_120.wav", tmp_path / f"data {number}"))
    straight, turned = (report.catalogue.waveform(0) for report in reports)
    assert straight.shape == (2, loop_samples(120.0, 4, RATE))
    assert np.abs(np.roll(straight, -RATE, axis=1) - turned).max() < 4 / 32767


def test_a_slow_loop_counts_at_double_tempo(tmp_path: Path) -> None:
    loop = house(170.0, 4)
    soundfile.write(tmp_path / "hip hop 85 BPM.wav", loop.T, RATE, subtype="FLOAT")
    report = ingest_file(tmp_path / "hip hop 85 BPM.wav", tmp_path / "data")
    assert (report.tracks[0].bpm, report.loops) == (170.0, 1)
    assert report.tracks[0].repairs == ["85 BPM, counted as 170"]


def test_an_excerpt_of_round_seconds_is_no_circle(tmp_path: Path) -> None:
    """Thirty seconds are fifteen bars at 120 BPM, wherever they were cut."""
    song = np.tile(house(120.0, 4), 5)[:, RATE // 3 :][:, : 30 * RATE]
    soundfile.write(tmp_path / "song 120.wav", song.T, RATE, subtype="FLOAT")
    report = ingest_file(tmp_path / "song 120.wav", tmp_path / "data", bars=1)
    assert report.tracks[0].grid == "steady"
    for loop in report.catalogue.loops:
        assert abs((loop.start_seconds + 1 / 3 + 0.25) % 0.5 - 0.25) < 0.015


@pytest.mark.parametrize("surplus", [-0.015, 0.015, 0.03])
def test_an_excerpt_that_is_nearly_whole_bars_keeps_its_tempo(surplus: float) -> None:
    """Repeated, such a file fits a tempo at which it would close; each loop would begin later and later."""
    song = np.tile(house(124.0, 8), 3)[:, : round((16 * 240 / 124 + surplus) * RATE)]
    assert find_circle(song, RATE, [], given=False) is None


def test_what_names_and_lengths_say() -> None:
    assert named_tempi("90s_loop_126.5_Am-24bit 44100 1999") == [90.0, 126.5]
    assert named_tempi("fourfloor_126p5bpm_s7") == [126.5]
    assert claimed_tempi(Path("126.flac"), 130.0) == [130.0]
    assert whole_bars(336_000, RATE, 126.0) == 4
    assert whole_bars(336_008, RATE, 126.0) == 4
    assert whole_bars(336_020, RATE, 126.0) == 0
    assert length_tempo(336_000, 4, RATE) == 126.0
    assert loop_samples(length_tempo(336_005, 4, RATE), 4, RATE) == 336_005


@pytest.mark.music
@pytest.mark.parametrize("given", [True, False])
def test_exact_cuts_of_real_tracks_are_loops_at_zero(music_folder: Path, given: bool, tmp_path: Path) -> None:
    with open(music_folder / "tempo.csv") as rows:
        tracks = list(csv.DictReader(rows))[::2][:12]
    for number, row in enumerate(tracks):
        bpm = float(row["bpm"])
        start, length = round(8 * 240 / bpm * RATE), loop_samples(bpm, 4, RATE)
        cut = decode(music_folder / row["file"])[:, start : start + length]
        soundfile.write(tmp_path / f"{chr(97 + number)}.wav", cut.T, RATE, subtype="FLOAT")
        report = ingest_file(
            tmp_path / f"{chr(97 + number)}.wav", tmp_path / f"data {number}", bpm=bpm if given else None
        )
        assert report.tracks[0].bpm == pytest.approx(bpm, abs=1e-3)
        assert_kept(report, 0, decode(tmp_path / f"{chr(97 + number)}.wav"))  # without the offset that some have


@pytest.mark.music
def test_a_whole_track_that_starts_on_its_first_sample_is_cut_there(music_folder: Path, tmp_path: Path) -> None:
    report = ingest_file(music_folder / "rrootage" / "stg_b.ogg", tmp_path / "data")
    assert report.tracks[0].grid == "exact"
    bar = 240 / 155
    starts = np.array([loop.start_seconds for loop in report.catalogue.loops])
    assert np.abs(starts - np.round(starts / bar) * bar).max() < 1.5 / RATE
