"""Ctrl-C, `kill` and a closed terminal: one line, the shell's exit code, nothing left behind."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import without_progress

from fourfloor import stopping
from fourfloor.stopping import StopSignal, on_stop, raise_stop

RATE = 44_100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_is_acted_on_once(number: int) -> None:
    before = signal.getsignal(number)
    seen: list[int] = []
    with on_stop(seen.append):
        os.kill(os.getpid(), number)
        assert seen == [number]
        assert signal.getsignal(number) is before  # a second one takes its usual course
    with pytest.raises(StopSignal) as caught, on_stop(raise_stop):
        os.kill(os.getpid(), number)
    assert caught.value.exit_code == 128 + number
    assert str(caught.value) == f"stopped by {signal.Signals(number).name}"
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_within_a_callback_of_libsndfile_is_not_lost(number: int) -> None:
    """C calls Python to read the file there, and drops what that raises."""
    content = io.BytesIO()
    soundfile.write(content, np.zeros((RATE, 2)), RATE, format="FLAC")
    sent, read = [number], []

    class Interrupting(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            if sent:
                os.kill(os.getpid(), sent.pop())
            return super().seek(offset, whence)

    def interrupted() -> None:
        with on_stop(raise_stop):
            read.append(soundfile.read(Interrupting(content.getvalue()))[0])
            time.sleep(60)

    began = time.monotonic()
    with pytest.raises(StopSignal) as caught:
        interrupted()
    assert time.monotonic() - began < 30
    assert caught.value.exit_code == 128 + number
    assert sent == []


CLEANED_UP_BADLY = """
import os, signal, sys, time
from fourfloor.interfaces import cli

def app(**options):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    finally:
        raise RuntimeError("release unlocked lock")  # as `threading` may, where a signal ends a wait

cli.app = app
sys.argv = ["fourfloor"]
cli.main()
"""


def test_a_stop_signal_that_ends_as_another_error_is_no_bug() -> None:
    done = subprocess.run([sys.executable, "-c", CLEANED_UP_BADLY], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (143, "fourfloor: stopped by SIGTERM\n")


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert stopping.stop_signals() == [signal.SIGINT, signal.SIGTERM]
        with on_stop(raise_stop):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_system_without_hangups_has_two_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    assert stopping.stop_signals() == [signal.SIGINT, signal.SIGTERM]


def alive(mark: str) -> list[str]:
    """Return the ids of living processes that have a text in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            pass
    return found


@pytest.mark.parametrize(
    ("command", "name", "code", "seconds"),
    [("ingest", "SIGINT", 130, 0.1), ("ingest", "SIGHUP", 129, 1.5), ("produce", "SIGTERM", 143, 0.7)],
)
def test_a_stopped_command_says_so_in_one_line(
    tmp_path: Path, command: str, name: str, code: int, seconds: float, make_house_loop: Callable[..., np.ndarray]
) -> None:
    """The whole process group gets the signal, as from a terminal, while the workers start or work."""
    out = tmp_path / "data"
    arguments = ["ingest", str(tmp_path / "tracks"), "--bars", "1"]
    if command == "produce":
        arguments = ["produce", "--count", "500", "--bars", "1"]
    (tmp_path / "tracks").mkdir()
    for number in range(20):
        soundfile.write(tmp_path / "tracks" / f"{number}.wav", np.tile(make_house_loop(seed=number), 30).T, RATE)
    mark = f"STOPPING_TEST={tmp_path}"
    started = subprocess.Popen(
        [sys.executable, "-m", "fourfloor", *arguments, "--out", str(out), "--jobs", "2"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"STOPPING_TEST": str(tmp_path)},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(alive(mark)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(started.pid, getattr(signal, name))
    _, errors = started.communicate(timeout=120)
    errors = without_progress(errors)
    assert started.returncode == code
    assert errors.startswith("fourfloor: ")
    assert f"stopped by {name}" in errors
    assert errors.count("\n") == 1
    deadline = time.monotonic() + 30
    while alive(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(mark) == []
    assert not out.exists()
