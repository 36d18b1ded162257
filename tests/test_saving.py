"""What a killed process leaves beside files is removed by the next command; nothing else is touched."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fourfloor import saving
from fourfloor.errors import FourfloorError
from fourfloor.runs.folder import claimed
from fourfloor.saving import SavingError, growing_file, output_folder, remove_leftovers, save_file, temporary_name

SAVE_AND_HANG = """
import os, sys, time
from pathlib import Path
from fourfloor.saving import save_file
def fsync(descriptor):
    print("writing", flush=True)
    time.sleep(60)
os.fsync = fsync
save_file(Path(sys.argv[1]) / "loop.wav", bytes(1000))
"""


def saving_process(folder: Path) -> subprocess.Popen[str]:
    """Start a process that hangs in the middle of a save."""
    process = subprocess.Popen([sys.executable, "-c", SAVE_AND_HANG, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "writing\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_leftover_goes_once_no_process_holds_it(tmp_path: Path) -> None:
    with saving_process(tmp_path) as process:
        (leftover,) = names(tmp_path)
        remove_leftovers(tmp_path)
        assert names(tmp_path) == [leftover]
        process.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [leftover]
    remove_leftovers(tmp_path)
    assert names(tmp_path) == []


def test_nothing_but_leftovers_is_touched(tmp_path: Path) -> None:
    mine = [".fourfloor-0123", ".fourfloor-0123456789abcdef.wav", "fourfloor-0123456789abcdef", ".fourfloor-notes"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    folder, link, fifo = (tmp_path / temporary_name() for _ in range(3))
    folder.mkdir()
    link.symlink_to(tmp_path / mine[0])
    os.mkfifo(fifo)
    before = names(tmp_path)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == before
    remove_leftovers(tmp_path / "not there")


def test_without_locks_a_leftover_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / temporary_name()).write_bytes(b"")
    monkeypatch.setattr(saving, "_lock", lambda descriptor: None)
    save_file(tmp_path / "loop.wav", b"sound")
    remove_leftovers(tmp_path)
    assert len(names(tmp_path)) == 2


def test_a_file_that_was_swept_before_it_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = saving._lock
    swept: list[Any] = []

    def late(descriptor: int) -> bool | None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        return lock(descriptor)

    monkeypatch.setattr(saving, "_lock", late)
    save_file(tmp_path / "loop.wav", b"sound")
    assert len(swept) == 1
    assert names(tmp_path) == ["loop.wav"]
    assert (tmp_path / "loop.wav").read_bytes() == b"sound"


def test_whoever_writes_into_a_folder_sweeps_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    for folder in (run, run / "checkpoints", tmp_path):
        (folder / temporary_name()).write_bytes(b"half")
    with claimed(run):
        assert names(run) == ["checkpoints", "lock"]
        assert names(run / "checkpoints") == []
    with output_folder(tmp_path):
        assert names(tmp_path) == ["run"]


def test_a_folder_in_which_nothing_was_written_goes(tmp_path: Path) -> None:
    with pytest.raises(KeyError), output_folder(tmp_path / "a" / "b"):
        raise KeyError
    assert names(tmp_path) == []
    (tmp_path / "mine").mkdir()
    with output_folder(tmp_path / "mine" / "loops"):
        (tmp_path / "mine" / "loops" / "one.wav").write_bytes(b"sound")
    with output_folder(tmp_path / "mine"):
        pass
    assert names(tmp_path / "mine" / "loops") == ["one.wav"]
    in_the_way = output_folder(tmp_path / "mine" / "loops" / "one.wav")
    with pytest.raises(FourfloorError, match=r"one\.wav: cannot write there \(File exists\)"), in_the_way:
        pass


def test_a_growing_file_keeps_what_was_written_and_names_the_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "x.wav"
    told = pytest.raises(SavingError, match=r"x\.wav: cannot be written \(No space left")
    with told as error, growing_file(path, False) as file:
        file.write(b"kept")
        file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "\n" not in str(error.value)
    assert path.read_bytes() == b"kept"


def test_a_run_folder_without_anything_in_it_is_removed(tmp_path: Path) -> None:
    run = tmp_path / "deep" / "run"
    with suppress(KeyboardInterrupt), claimed(run):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with suppress(KeyboardInterrupt), claimed(run):
        (run / "recipe.toml").write_text("kept")
        raise KeyboardInterrupt
    assert (run / "recipe.toml").read_text() == "kept"


def test_a_growing_file_without_anything_in_it_is_removed(tmp_path: Path) -> None:
    with pytest.raises(SavingError, match="No space"), growing_file(tmp_path / "new" / "x.wav", False):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_growing_file_replaces_only_on_request_and_never_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"mine")
    with pytest.raises(FourfloorError, match="exists already; pass --overwrite"), growing_file(path, False):
        pytest.fail("opened")
    with pytest.raises(FourfloorError, match="is a folder; name a file in it"), growing_file(tmp_path, True):
        pytest.fail("opened")
    with pytest.raises(SavingError, match="cannot be written"), growing_file(path / "below" / "y.wav", True):
        pytest.fail("opened")
    assert path.read_bytes() == b"mine"
    with growing_file(path, True) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
