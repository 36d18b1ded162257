"""What may go wrong while tracks become a dataset: bad files, killed processes, full disks."""

import dataclasses
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from test_ingest_kills import content

from fourfloor.errors import FourfloorError
from fourfloor.ingestion.folder import IngestConfig, _task, ingest, load
from fourfloor.ingestion.kept import order_fingerprint, part_name
from fourfloor.ingestion.processes import analyze_tracks
from fourfloor.processes import run_in_processes

RATE = 44_100
ONE_BAR = IngestConfig(bars=1, jobs=2)
Write = Callable[..., Path]
House = Callable[..., np.ndarray]


def reasons(folder: Path, config: IngestConfig = ONE_BAR) -> dict[str, str]:
    """Ingest a folder that also holds a good track; return why the others were rejected, one line each."""
    report = ingest([folder], folder.parent / "data", config)
    assert report.loops >= 3
    assert load(folder.parent / "data") == report.catalogue
    assert all("\n" not in row.file + row.reason for row in report.rejected)
    return {Path(row.file).name: row.reason for row in report.rejected}


def header(sample_rate: int, channels: int, data_bytes: int = 1 << 16) -> bytes:
    """Return a 16-bit WAV whose header claims anything."""
    import struct

    form = struct.pack("<HHIIHH", 1, channels, sample_rate, 0, 2 * channels % 65536, 16)
    sound = np.random.default_rng(0).integers(-9999, 9999, 1 << 15).astype("<i2").tobytes()
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", data_bytes) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


BAD_FILES = {
    "empty.wav": b"",
    "text.mp3": b"this is no music\n" * 400,
    "header only.wav": header(44_100, 2)[:44],
    "1 Hz.wav": header(1, 2),
    "0 Hz.wav": header(0, 2),
    "1000 channels.wav": header(44_100, 1000),
    "no channels.wav": header(44_100, 0),
    "noise.flac": np.random.default_rng(1).bytes(20_000),
    "playlist.wav": b"#EXTM3U\nfile:///etc/passwd\n",
    "new\nline.wav": b"RIFF",
}


def test_each_bad_file_is_rejected_in_one_line(tmp_path: Path, track: np.ndarray) -> None:
    folder = tmp_path / "tracks"
    folder.mkdir()
    soundfile.write(folder / "good.wav", track.T, RATE)
    for name, damaged in BAD_FILES.items():
        (folder / name).write_bytes(damaged)
    os.mkfifo(folder / "fifo.wav")
    (folder / "around.wav").symlink_to(folder / "around.wav")
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    (folder / "again").symlink_to(folder)
    for bad, value in (("nan.wav", np.nan), ("infinite.wav", np.inf), ("huge.wav", 1e30)):
        soundfile.write(folder / bad, np.where(np.arange(track.shape[1]) % 9, track, value).T, RATE, subtype="FLOAT")
    found = reasons(folder)
    special = {"fifo.wav", "around.wav", "gone.wav", "nan.wav", "infinite.wav", "huge.wav"}
    assert set(found) == {name.replace("\n", "\\n") for name in BAD_FILES} | special


def test_a_track_that_is_moved_away_meanwhile_is_rejected_alone(
    tmp_path: Path, track: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is still here was only not seen where it was to be read: on another machine, without the folder."""
    soundfile.write(tmp_path / "a.wav", track.T, RATE)
    tasks = [_task(path, tmp_path / path.stem, ONE_BAR) for path in (tmp_path / "a.wav", tmp_path / "moved.wav")]
    found = analyze_tracks(tasks, 1, engine=_here)
    assert len(found[0].loop_bpms) >= 3
    assert found[1].error.startswith("was there at first and is not any more (on ")
    monkeypatch.setattr("fourfloor.ingestion.processes.analyze_track", lambda task: found[1])
    with pytest.raises(FourfloorError, match=r"a\.wav: was there .* in a folder that all machines share"):
        analyze_tracks([_task(tmp_path / "a.wav", tmp_path / "again", ONE_BAR)], 1, engine=_here)


def _here(
    function: Callable[[Any], Any], tasks: Iterable[Any], jobs: int, on_result: Callable[[int, Any], None]
) -> None:
    """Run tasks in this process, where they can be replaced."""
    for number, task in enumerate(tasks):
        on_result(number, function(task))


def test_sound_without_music_leaves_no_loops(tmp_path: Path, track: np.ndarray) -> None:
    folder = tmp_path / "tracks"
    folder.mkdir()
    time = np.arange(8 * RATE) / RATE
    soundfile.write(folder / "good.wav", track.T, RATE)
    soundfile.write(folder / "silence.wav", np.zeros(8 * RATE), RATE)
    soundfile.write(folder / "offset.wav", np.full(8 * RATE, 0.5), RATE)
    soundfile.write(folder / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * time), RATE)
    soundfile.write(folder / "one sample.wav", np.full(1, 0.5), RATE)
    soundfile.write(folder / "less than one.wav", np.full(1, 0.5), 192_000)
    assert reasons(folder) == {}
    loops = {track.name: track.loops for track in load(tmp_path / "data").tracks}
    assert loops.pop("good.wav") >= 3
    assert set(loops.values()) == {0}


def test_a_truncated_track_is_used_and_said_to_be(tmp_path: Path, track: np.ndarray) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, track.T, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    report = ingest([path], tmp_path / "data", ONE_BAR)
    assert report.loops >= 2
    assert [repair for repair in report.tracks[0].repairs if repair.startswith("cut short: 7.62 s of 11.43 s")]
    assert load(tmp_path / "data").tracks[0].repairs == report.tracks[0].repairs


def test_strict_makes_a_rejection_fatal(tmp_path: Path, track: np.ndarray) -> None:
    soundfile.write(tmp_path / "good.wav", track.T, RATE)
    (tmp_path / "bad.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"^[^\n]*bad\.wav: [^\n]+$"):
        ingest([tmp_path], tmp_path / "data", IngestConfig(bars=1, strict=True))
    assert sorted(os.listdir(tmp_path)) == ["bad.wav", "good.wav"]


@pytest.mark.parametrize("name", ["missing", "empty folder", "only.wav", "readme.txt"])
def test_nothing_usable_is_one_line(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    if name == "empty folder":
        place.mkdir()
    elif name != "missing":
        place.write_bytes(b"text")
    with pytest.raises(
        ValueError, match=r"^no(thing to learn from: [^\n]*| audio files were found; [^\n]+)$"
    ) as caught:
        ingest([place], tmp_path / "data", ONE_BAR)
    assert "\n" not in str(caught.value)
    assert not [entry for entry in os.listdir(tmp_path) if entry.startswith("data")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_named(tmp_path: Path, track: np.ndarray) -> None:
    folder = tmp_path / "tracks"
    (folder / "locked").mkdir(parents=True)
    soundfile.write(folder / "good.wav", track.T, RATE)
    (folder / "locked").chmod(0)
    assert "cannot be read" in reasons(folder)["locked"]


class Deadly:
    """A path that ends any process but the one that made it, as a crash in a decoder would."""

    def __init__(self, name: str) -> None:
        self.name, self.home = name, os.getpid()

    def __fspath__(self) -> str:
        if os.getpid() != self.home:
            os._exit(11)
        return self.name


def test_a_file_that_kills_its_process_is_rejected_alone(tmp_path: Path, track: np.ndarray) -> None:
    tasks = []
    for number in range(4):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.roll(track, 999 * number).T, RATE)
        tasks.append(_task(Deadly("deadly.wav") if number == 1 else path, tmp_path / str(number), ONE_BAR))  # type: ignore[arg-type]
    found = analyze_tracks(tasks, jobs=2)
    assert [bool(one.error) for one in found] == [False, True, False, False]
    assert "ended the process" in found[1].error
    assert all(len(one.bar_numbers) >= 3 for one in found if not one.error)


def test_what_was_found_before_a_kill_is_not_looked_for_again(tmp_path: Path, track: np.ndarray) -> None:
    soundfile.write(tmp_path / "one.wav", track.T, RATE)
    (tmp_path / "two.wav").write_bytes(b"RIFF")
    parts = tmp_path / "parts"
    parts.mkdir()
    tasks = [_task(path, parts / part_name(path), ONE_BAR) for path in (tmp_path / "one.wav", tmp_path / "two.wav")]
    before = analyze_tracks(tasks, jobs=1)
    assert [bool(found.error) for found in before] == [False, True]

    asked: list[Path] = []

    def engine(function, tasks, jobs, on_result) -> None:
        asked.extend(task.path for task in tasks)
        run_in_processes(function, tasks, jobs, on_result)

    def again() -> list[Path]:
        asked.clear()
        after = analyze_tracks(tasks, 1, None, engine)
        for one, other in zip(before, after, strict=True):
            for name, value in vars(one).items():
                np.testing.assert_array_equal(value, getattr(other, name), strict=isinstance(value, np.ndarray))
        return list(asked)

    assert again() == [tmp_path / "two.wav"]  # it may be memory that was short
    kept = tasks[0].part.with_suffix(".npz")
    for path in (kept, tasks[0].audio_part, tasks[0].features_part):
        whole = path.read_bytes()
        path.write_bytes(whole[:-2])
        assert again() == [tmp_path / "one.wav", tmp_path / "two.wav"]
        assert tasks[0].audio_part.stat().st_size > 0
        path.unlink()
        assert again() == [tmp_path / "one.wav", tmp_path / "two.wav"]
    soundfile.write(tmp_path / "one.wav", track.T / 2, RATE)
    os.utime(tmp_path / "one.wav", (1, 1))
    assert part_name(tmp_path / "one.wav") != tasks[0].part.name
    changed = dataclasses.replace(ONE_BAR, min_confidence=0.5)
    assert len({order_fingerprint(_task(Path(), Path(), config)) for config in (ONE_BAR, changed, ONE_BAR)}) == 2


def test_a_stopped_ingest_keeps_what_it_found_and_gives_the_same_bytes(tmp_path: Path, track: np.ndarray) -> None:
    (tmp_path / "tracks").mkdir()
    for number in range(3):
        soundfile.write(tmp_path / "tracks" / f"{number}.wav", np.roll(track, 777 * number).T * 0.9**number, RATE)
    ingest([tmp_path / "tracks"], tmp_path / "expected", ONE_BAR)

    class Stop(BaseException):
        pass

    def stop(done: int, total: int, name: str) -> None:
        raise Stop

    with pytest.raises(Stop):
        ingest([tmp_path / "tracks"], tmp_path / "data", dataclasses.replace(ONE_BAR, jobs=1), stop)
    parts = tmp_path / ".data.fourfloor" / "scratch"
    assert len(list(parts.glob("*.npz"))) >= 1
    told: list[str] = []
    ingest([tmp_path / "tracks"], tmp_path / "data", ONE_BAR, lambda done, total, name: told.append(name))
    assert told[0] == "analyzed before"
    assert content(tmp_path / "data") == content(tmp_path / "expected")
    assert sorted(os.listdir(tmp_path)) == ["data", "expected", "tracks"]
