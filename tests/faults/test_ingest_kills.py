"""Killed processes and full disks while tracks become a dataset: the old one stays, or the new one is whole."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fourfloor import workspace
from fourfloor.ingestion.folder import IngestConfig, ingest, load
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.signal.beatgrid import loop_samples

RATE = 44_100
ONE_BAR = IngestConfig(bars=1, jobs=2)
INGEST = """
import sys
from fourfloor.ingestion.folder import IngestConfig, ingest
ingest([sys.argv[1]], sys.argv[2], IngestConfig(bars=1, overwrite=True))
"""


def run_ingest(folder: Path, out: Path, limit: int | None = None) -> subprocess.Popen[str]:
    def lower_limit() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(folder), str(out)],
        stderr=subprocess.PIPE, text=True, preexec_fn=lower_limit,
        env=os.environ | {"INGEST_TEST": str(folder)},
    )  # fmt: skip


def content(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in dataset.iterdir()}


def started_by(folder: Path) -> list[str]:
    """Return the ids of the living processes that `run_ingest` started for a folder, and those that they started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"INGEST_TEST={folder}\0".encode() in entry.read_bytes():
                found.append(entry.parent.name)
    return found


def test_killed_ingest_leaves_the_old_dataset(tmp_path: Path, track: np.ndarray) -> None:
    """The steps at which a kill matters are tried one by one below; here whole processes die at any moment."""
    folder, out = tmp_path / "tracks", tmp_path / "data"
    folder.mkdir()
    soundfile.write(folder / "one.wav", track.T, RATE)
    ingest([folder], out, ONE_BAR)
    old = content(out)
    for number in range(3):
        soundfile.write(folder / f"more {number}.wav", track[:, ::-1].T * 0.5**number, RATE)
    began = time.monotonic()
    assert run_ingest(folder, tmp_path / "expected").wait() == 0
    duration = time.monotonic() - began
    new = content(tmp_path / "expected")
    assert new != old
    for moment in np.random.default_rng(0).uniform(0.3, 1.0, 6):
        process = run_ingest(folder, out)
        time.sleep(duration * moment)
        process.kill()
        process.wait()
        assert load(out)
        assert content(out) in (old, new)
    assert run_ingest(folder, out).wait() == 0
    assert content(out) == new
    deadline = time.monotonic() + 60
    while started_by(folder):
        assert time.monotonic() < deadline, "processes outlive the one that started them"
        time.sleep(0.1)
    assert sorted(os.listdir(tmp_path)) == ["data", "expected", "tracks"]


def write_small(out: Path, seed: int) -> None:
    """Write a dataset of two loops, quickly: the features are given."""
    rng = np.random.default_rng(seed)
    with DatasetWriter(out, bars=1, overwrite=True, channels=1, sample_rate=8000) as writer:
        number = writer.add_track(name="a", path="a.wav", sha256="0" * 64, bpm=126)
        for _ in range(2):
            loop = rng.uniform(-0.5, 0.5, (1, loop_samples(126, 1, 8000))).astype(np.float32)
            writer.add_loop(loop, track=number, bpm=126, features=rng.normal(size=(128, 4)).astype(np.float16))
        writer.finish()


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a fork of this process; return its wait status."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        except ValueError as error:
            status = 2 if "\n" not in str(error) else 3
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("place", ["beside", "inside"])
def test_writer_killed_before_any_step_on_files(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "data"
    if place == "inside":
        out.mkdir()
        (tmp_path / "expected").mkdir()
        monkeypatch.setattr(workspace, "_places", lambda out: [out / ".fourfloor"])
    write_small(out, 1)
    old = load(out).data_hash
    write_small(tmp_path / "expected", 2)
    new = load(tmp_path / "expected").data_hash
    states: list[str] = []

    def die_at(step: int) -> None:
        left = step

        def watch(event: str, arguments: tuple) -> None:
            nonlocal left
            about_files = event in (
                "open",
                "os.rename",
                "os.mkdir",
                "os.remove",
                "os.rmdir",
                "os.listdir",
                "os.scandir",
                "os.truncate",
            )
            if about_files and str(tmp_path) in str(arguments):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        write_small(out, 2)

    for step in range(1, 200):
        status = in_child(lambda step=step: die_at(step))  # type: ignore[misc]
        if status == 0:
            break
        assert status == signal.SIGKILL
        states.append(load(out).data_hash)
        write_small(out, 1)
    else:
        pytest.fail("the writer never came to its end")
    assert states.count(old) >= 8
    assert states.count(new) >= 1
    assert set(states) == {old, new}
    assert load(out).data_hash == new
    assert sorted(os.listdir(tmp_path)) == ["data", "expected"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("before", [False, True])
def test_disk_full_at_any_size(tmp_path: Path, before: bool) -> None:
    out = tmp_path / "data"
    if before:
        write_small(out, 1)
    old = content(out) if before else None

    def limited(limit: int) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        write_small(out, 2)

    failures = 0
    for limit in range(0, 100_000, 2_000):
        status = in_child(lambda limit=limit: limited(limit))  # type: ignore[misc]
        if status == 0:
            break
        assert os.waitstatus_to_exitcode(status) == 2  # one line
        failures += 1
        assert os.listdir(tmp_path) == (["data"] if before else [])
        assert not before or content(out) == old
    assert 5 <= failures < 40
    assert load(out).loops


def test_disk_full_while_tracks_are_cut(tmp_path: Path, track: np.ndarray) -> None:
    folder, out = tmp_path / "tracks", tmp_path / "data"
    folder.mkdir()
    soundfile.write(folder / "one.wav", track.T, RATE)
    process = run_ingest(folder, out, limit=500_000)
    _, errors = process.communicate()
    assert process.returncode == 1
    last = errors.strip().splitlines()[-1]
    assert last.startswith("fourfloor.errors.FourfloorError: ")
    assert "cannot be written" in last
    assert os.listdir(tmp_path) == ["tracks"]
