"""What other systems lack is not needed: every module is imported and a loop goes the whole way without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fourfloor.audio import decode, opening

SOURCE = Path(__file__).resolve().parents[1] / "src"
# Each process that Python starts with this beside its path lacks what Windows lacks; macOS lacks less.
ABSENT = """
import importlib.abc
import os
import signal
import sys


class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Refuse())
for name in (
    "sched_getaffinity", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "link", "fchmod", "fork", "forkpty",
    "pread", "pwrite", "getuid", "geteuid", "mkfifo", "killpg", "statvfs", "posix_fallocate", "getpgid",
):
    delattr(os, name) if hasattr(os, name) else None
os.O_BINARY = 0
for name in ("SIGHUP", "SIGALRM", "setitimer", "alarm", "pthread_sigmask"):
    delattr(signal, name) if hasattr(signal, name) else None
"""
IMPORT_ALL = """
import importlib
import pkgutil

import fourfloor

for module in pkgutil.walk_packages(fourfloor.__path__, "fourfloor."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
# Commands one after the other in one process, which imports what they need once.
COMMANDS = """
import sys
from fourfloor.__main__ import main

for command in sys.argv[1:]:
    sys.argv = ["fourfloor", *command.split()]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""


def run(folder: Path, *arguments: str) -> str:
    """Run Python where what other systems lack is absent, also in its workers."""
    (folder / "absent").mkdir(exist_ok=True)
    (folder / "absent" / "sitecustomize.py").write_text(ABSENT, encoding="utf-8")
    path = os.pathsep.join([str(folder / "absent"), str(SOURCE)])
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_is_imported_without_what_other_systems_lack(tmp_path: Path) -> None:
    told = run(tmp_path, "-c", IMPORT_ALL + "import os; print(hasattr(os, 'fork'), hasattr(os, 'O_NONBLOCK'))")
    assert told.split() == ["False", "False"]


def test_a_loop_goes_the_whole_way_without_what_other_systems_lack(tmp_path: Path) -> None:
    tiny = "--steps 1 --set model.width=16 --set model.latent_dim=8"
    run(
        tmp_path, "-c", COMMANDS, "produce --count 2 --bars 4 --wav --out data/made",
        "ingest data/made-files --jobs 1 --out data/read",
        f"train seed/autoencoder-1 --data data/made --out runs/tiny {tiny}",
        "generate --model runs/tiny --count 1 --out loops",
    )  # fmt: skip
    assert (tmp_path / "data" / "read" / "catalogue.json").is_file()
    assert len(list((tmp_path / "loops").glob("*.wav"))) == 1


def test_windows_reads_through_python_what_others_read_by_descriptor(
    write_audio, make_house_loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("wav", "flac", "mp3"):
        path = write_audio(make_house_loop(), kind)
        by_descriptor = decode(path)
        with monkeypatch.context() as patched:
            patched.setattr(opening, "ON_WINDOWS", True)
            assert (decode(path) == by_descriptor).all()
