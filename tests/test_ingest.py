"""Tracks become loops: exactly on the grid, each drop counted, split by track, the same bytes every time."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from fourfloor.errors import FourfloorError
from fourfloor.ingestion import picking
from fourfloor.ingestion.folder import IngestConfig, IngestReport, Thresholds, ingest, load
from fourfloor.signal.beatgrid import loop_samples

RATE = 44_100
ONE_BAR = IngestConfig(bars=1, jobs=2)


def make_song(bpm: float, bars: int, seed: int) -> np.ndarray:
    """Return house music in which each bar has its own melody, (2, samples); bars begin at whole bars of `bpm`."""
    rng = np.random.default_rng(seed)
    song = np.zeros((2, round(bars * 240 / bpm * RATE)))
    time = np.arange(RATE // 5) / RATE
    kick = 0.8 * np.exp(-time / 0.1) * np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-time / 0.03))))
    noise = rng.normal(0, 0.3, (2, len(time)))
    clap, hat = noise * np.exp(-time / 0.05), np.diff(noise, prepend=0) * np.exp(-time / 0.02)
    for beat in range(4 * bars):
        _add(song, kick, beat, bpm)
        _add(song, hat, beat + 0.5, bpm)
        if beat % 2:
            _add(song, clap, beat, bpm)
    for bar in range(bars):
        for step in rng.choice(16, 6, replace=False):
            pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
            note = 0.2 * np.sign(np.sin(2 * np.pi * pitch * time)) * np.exp(-time / 0.05)
            _add(song, note, 4 * bar + step / 4, bpm)
    return (0.9 * song / np.abs(song).max()).astype(np.float32)


def _add(song: np.ndarray, sound: np.ndarray, beat: float, bpm: float) -> None:
    start = round(beat * 60 / bpm * RATE)
    song[:, start : start + sound.shape[-1]] += sound[..., : song.shape[1] - start]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five songs of twelve bars."""
    folder = tmp_path_factory.mktemp("songs")
    for number, bpm in enumerate((120.0, 126.0, 126.0, 132.5, 140.0)):
        soundfile.write(folder / f"song {number}.wav", make_song(bpm, 10, seed=number).T, RATE)
    return folder


@pytest.fixture(scope="module")
def progress() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture(scope="module")
def report(songs: Path, progress: list[tuple[int, int, str]], tmp_path_factory: pytest.TempPathFactory) -> IngestReport:
    out = tmp_path_factory.mktemp("out") / "data"
    return ingest([songs], out, ONE_BAR, lambda *call: progress.append(call))


def content(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in dataset.iterdir()}


def test_loops_are_whole_bars_of_the_track_itself(songs: Path, report: IngestReport) -> None:
    catalogue = report.catalogue
    assert [track.bpm for track in report.tracks] == [120.0, 126.0, 126.0, 132.5, 140.0]
    assert report.loops >= 40
    for index, loop in enumerate(catalogue.loops):
        song = soundfile.read(songs / catalogue.tracks[loop.track].name, dtype="float32")[0].T
        assert loop.frames == loop_samples(loop.bpm, 1, RATE)
        bar = 240 / loop.bpm
        assert abs((loop.start_seconds + bar / 8) % (bar / 4) - bar / 8) < 0.015  # on a beat
        start = round(loop.start_seconds * RATE)
        cut = song[:, max(0, start) : start + loop.frames]
        cut = np.pad(cut, ((0, 0), (max(0, -start), loop.frames - cut.shape[1] - max(0, -start))))
        assert np.abs(catalogue.waveform(index) - cut * 10 ** (loop.gain_db / 20)).max() < 2 / 32767


def test_a_loop_follows_the_one_that_ends_where_it_begins(report: IngestReport) -> None:
    loops = report.catalogue.loops
    following = [loop for loop in loops if loop.follows is not None]
    assert len(following) > len(loops) / 2
    for loop in following:
        assert loop.follows is not None
        before = loops[loop.follows]
        assert before.track == loop.track
        assert abs(before.start_seconds + before.frames / RATE - loop.start_seconds) * RATE < 1.1


def test_every_loop_on_the_grid_is_kept_or_counted(report: IngestReport) -> None:
    for track in report.tracks:
        assert track.loops + sum(track.dropped.values()) in (9, 10)


def test_tracks_are_brought_to_one_level(report: IngestReport) -> None:
    catalogue = report.catalogue
    for number in range(len(catalogue.tracks)):
        loops = [index for index, loop in enumerate(catalogue.loops) if loop.track == number]
        assert len({catalogue.loops[index].gain_db for index in loops}) == 1
        power = np.mean([np.mean(catalogue.waveform(index) ** 2) for index in loops])
        assert abs(10 * np.log10(power) - Thresholds().level_db) < 1.0


def test_report_is_the_promised_json(report: IngestReport) -> None:
    printed = json.loads(json.dumps(report.to_json()))
    assert set(printed) == {"tracks", "loops", "rejected"}
    keys = {
        "file",
        "bpm",
        "confidence",
        "downbeat_seconds",
        "loops",
        "dropped",
        "seconds",
        "split",
        "repairs",
        "meter",
        "drift_ms",
        "grid",
    }
    assert all(keys <= set(track) for track in printed["tracks"])
    assert printed["loops"] == sum(track["loops"] for track in printed["tracks"]) == len(report.catalogue.loops)


def test_bytes_do_not_depend_on_jobs_or_order(songs: Path, report: IngestReport, tmp_path: Path) -> None:
    files = sorted(songs.iterdir())
    random.Random(0).shuffle(files)
    named = ingest([*files, songs], tmp_path / "data", IngestConfig(bars=1, jobs=1))
    assert content(tmp_path / "data") == content(report.catalogue.path)
    assert named.to_json() == report.to_json()


def test_channels_that_cancel_in_mono_make_the_same_loops(tmp_path: Path) -> None:
    song = make_song(126.0, 10, seed=7)
    found = []
    for name, right in (("song", song[1]), ("turned", -song[1])):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([song[0], right], axis=1), RATE, subtype="FLOAT")
        config = IngestConfig(bars=1, jobs=1, validation_share=0.0)
        found.append(ingest([tmp_path / f"{name}.wav"], tmp_path / f"of {name}", config))
    one, turned = found
    assert turned.tracks[0].repairs == ["left and right cancel in mono: right channel inverted"]
    assert one.loops == turned.loops > 5
    for name in ("audio.i16", "features.f16"):
        assert (tmp_path / "of song" / name).read_bytes() == (tmp_path / "of turned" / name).read_bytes()


def test_split_is_by_track_and_by_content(songs: Path, report: IngestReport, tmp_path: Path) -> None:
    splits = {track.sha256: track.split for track in report.catalogue.tracks}
    assert list(splits.values()).count("validation") == 1
    for number, path in enumerate(sorted(songs.iterdir(), reverse=True)):
        shutil.copy(path, tmp_path / f"{number}.wav")
    renamed = ingest([tmp_path], tmp_path / "data", ONE_BAR).catalogue
    assert {track.sha256: track.split for track in renamed.tracks} == splits


def test_same_audio_under_another_name_or_codec_stays_in_one_split(songs: Path, tmp_path: Path) -> None:
    shutil.copytree(songs, tmp_path / "songs")
    shutil.copy(songs / "song 1.wav", tmp_path / "songs" / "x renamed.wav")
    song, _ = soundfile.read(songs / "song 1.wav", dtype="float32")
    soundfile.write(tmp_path / "songs" / "a encoded.mp3", song, RATE)
    soundfile.write(tmp_path / "songs" / "a slow.wav", soxr.resample(song, RATE, 8_000), 8_000)
    soundfile.write(tmp_path / "songs" / "z excerpt.flac", 0.5 * song[len(song) // 5 :], RATE)
    report = ingest([tmp_path / "songs"], tmp_path / "data", ONE_BAR)
    by_name = {Path(track.file).name: track for track in report.tracks}
    assert by_name["song 1.wav"].loops
    for copy in ("a encoded.mp3", "a slow.wav", "z excerpt.flac"):
        assert by_name[copy].loops == 0
        assert by_name[copy].dropped[picking.SAME_AUDIO] >= 6
        assert by_name[copy].repairs == ["the same audio as song 1.wav: left out"]
        assert by_name[copy].split == by_name["song 1.wav"].split
    assert [(Path(row.file).name, row.reason) for row in report.rejected] == [
        ("x renamed.wav", f"has the same bytes as {tmp_path / 'songs' / 'song 1.wav'}")
    ]


def test_each_reason_is_counted(songs: Path, tmp_path: Path) -> None:
    song, _ = soundfile.read(songs / "song 0.wav", dtype="float32")
    bar = 2 * RATE  # at 120 BPM
    broken = song.copy()
    broken[4 * bar : 6 * bar] = 0
    broken[9 * bar :] = np.clip(4 * broken[9 * bar :], -1, 1)
    broken[7 * bar : 8 * bar] = broken[2 * bar : 3 * bar]
    soundfile.write(tmp_path / "broken.wav", broken, RATE)
    soundfile.write(tmp_path / "short.wav", song[:bar], RATE)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (10 * RATE, 2))
    soundfile.write(tmp_path / "noise.wav", noise, RATE)
    given = IngestConfig(bars=1, bpm=120.0, max_loops_per_track=4)
    dropped = {Path(t.file).name: t.dropped for t in ingest([tmp_path], tmp_path / "data", given).tracks}
    reasons = dropped["broken.wav"]
    assert reasons[picking.SILENCE] in (2, 3)  # the grid may lie a hair beside the bars
    assert reasons[picking.CLIPPING] >= 1
    assert reasons[picking.DUPLICATE] == 1
    assert reasons[picking.OVER_CAP] == 10 - 4 - sum(reasons[key] for key in reasons if key != picking.OVER_CAP)
    unsure = IngestConfig(bars=4, overwrite=True)
    dropped = {Path(t.file).name: t.dropped for t in ingest([tmp_path], tmp_path / "data", unsure).tracks}
    assert dropped["short.wav"] == {picking.TOO_SHORT: 1}
    assert set(dropped["noise.wav"]) == {picking.UNSURE}


def test_a_given_tempo_rate_and_hop_are_kept(songs: Path, tmp_path: Path) -> None:
    config = IngestConfig(bars=2, hop_bars=1, bpm=126.0, sample_rate=10_000, channels=1, style="techno")
    catalogue = ingest([songs / "song 1.wav"], tmp_path / "data", config).catalogue
    assert (catalogue.sample_rate, catalogue.channels) == (10_000, 1)
    assert catalogue.tracks[0].style == "techno"
    assert {loop.frames for loop in catalogue.loops} == {round(8 * 60 / 126 * 10_000)}
    starts = [loop.start_seconds for loop in catalogue.loops]
    assert np.allclose(np.diff(starts), 240 / 126, atol=1e-4)
    assert [loop.follows for loop in catalogue.loops[:4]] == [None, None, 0, 1]


def test_progress_names_every_file(songs: Path, report: IngestReport, progress: list[tuple[int, int, str]]) -> None:
    assert [(done, total) for done, total, _ in progress] == [(number, 5) for number in range(1, 6)]
    assert sorted(name for *_, name in progress) == sorted(str(path) for path in songs.iterdir())


@pytest.mark.parametrize(("bpm", "counted"), [(85.0, 170.0), (186.0, 93.0)])
def test_a_measured_tempo_out_of_range_counts_at_double_or_half(bpm: float, counted: float, tmp_path: Path) -> None:
    lead = np.zeros((2, 1234), np.float32)
    song = np.concatenate([lead, make_song(bpm, 10, seed=3)], axis=1)
    soundfile.write(tmp_path / "song.wav", song.T, RATE)
    catalogue = ingest([tmp_path / "song.wav"], tmp_path / "data", ONE_BAR).catalogue
    assert catalogue.tracks[0].bpm == counted
    assert len(catalogue.loops) >= 4
    for loop in catalogue.loops:
        off = (loop.start_seconds - 1234 / RATE + 30 / bpm) % (60 / bpm) - 30 / bpm
        assert abs(off) < 0.015


@pytest.mark.music
def test_real_tracks_that_share_bars(music_folder: Path, tmp_path: Path) -> None:
    folder = music_folder / "tumiki-fighters"
    names = ["battle_over_the_junk_city.ogg", "here_comes_a_gigantic_toy.ogg", "return_to_home.ogg"]
    report = ingest([folder / name for name in names], tmp_path / "data", IngestConfig())
    assert [track.bpm for track in report.tracks] == [150.0, 150.0, 130.0]
    assert report.tracks[1].dropped[picking.DUPLICATE] >= 2
    assert report.tracks[0].split == report.tracks[1].split
    assert load(tmp_path / "data") == report.catalogue


def test_a_header_that_claims_too_little_costs_no_memory(tmp_path: Path) -> None:
    """A FLAC that claims five seconds and holds a minute is not taken for a short loop."""
    path = tmp_path / "song.flac"
    soundfile.write(path, np.tile(make_song(126.0, 10, seed=7), 4).T, RATE)
    content = bytearray(path.read_bytes())
    content[22:26] = (5 * RATE).to_bytes(4)
    path.write_bytes(content)
    report = ingest([path], tmp_path / "data", IngestConfig(bars=4, jobs=1, validation_share=0.0))
    assert report.tracks[0].repairs[0].startswith("longer than it claims: 76.19 s, 5.00 s claimed")
    assert report.tracks[0].seconds == pytest.approx(76.19, abs=0.01)
    assert report.loops >= 2


def test_files_without_sound_are_silence_whatever_their_offset(tmp_path: Path) -> None:
    for name, level in (("silent", 0.0), ("offset", 0.5)):
        soundfile.write(tmp_path / f"{name}.wav", np.full((20 * RATE, 2), level), RATE)
        told = r"^nothing to learn from: [^:]+: silence.*; turn the music up, or leave out what is silent$"
        with pytest.raises(FourfloorError, match=told) as caught:
            ingest([tmp_path / f"{name}.wav"], tmp_path / "data", IngestConfig(jobs=1))
        assert "BPM" not in str(caught.value)
