"""The command line in its surroundings: signals, terminals, closed streams, a full disk, a lost folder."""

import os
import subprocess
import sys

import pytest
from conftest import RECIPES
from test_cli import run

from fourfloor import __main__ as entry
from fourfloor.interfaces import cli, output


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; import fourfloor.interfaces.cli; print('torch' in sys.modules, 'scipy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert said.stdout.split() == ["False", "False"]


def test_training_stopped_by_a_signal_says_how_to_go_on(dataset_folder, tmp_path) -> None:
    import signal
    import time

    from conftest import TINY

    command = [
        sys.executable, "-m", "fourfloor", "train", str(RECIPES / "prior.toml"), "--data", str(dataset_folder),
        "--out", str(tmp_path / "run"), "--minutes", "5", "--device", "cpu", *TINY["prior"],
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        log = tmp_path / "run" / "log.jsonl"
        for _ in range(6000):
            time.sleep(0.05)
            if log.exists() and log.read_text().count("\n") >= 2:
                break
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=300)[1]
    assert process.returncode == 143
    assert "stopped by SIGTERM" in err.splitlines()[-1]
    assert "--resume" in err.splitlines()[-1]


def test_a_tilde_is_home_wherever_the_shell_leaves_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    given = [
        "ingest",
        "~/music",
        "--out=~/data",
        "--kit",
        "~",
        "--set=training.name=~/x",
        "~nobody-here/x",
        "./~",
        "a~",
    ]
    expected = ["ingest", f"{tmp_path}/music", f"--out={tmp_path}/data", "--kit", str(tmp_path), *given[5:]]
    assert cli.with_home(given) == expected


def test_a_full_disk_behind_the_output_is_one_line(tmp_path) -> None:
    command = [sys.executable, "-m", "fourfloor", "--version"]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300)
    assert ended.returncode == 2
    assert ended.stderr.startswith("fourfloor: output: No space left on device")
    assert ended.stderr.count("\n") == 1
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path) -> None:
    missing = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \xc3\xbc")
    command = [sys.executable, "-m", "fourfloor", "generate", "--model", missing]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert ended.returncode == 2
    assert "caf\\udce9 \\xfc" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_closed_standard_streams_become_the_null_device(monkeypatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    output.open_closed_streams()
    print("lost", sys.stdout.isatty(), sys.stdin.read(), file=sys.stderr)
    assert [os.fstat(stream.fileno()).st_rdev for stream in (sys.stdin, sys.stdout, sys.stderr)] == [
        os.stat(os.devnull).st_rdev
    ] * 3


def test_a_deleted_current_folder_is_named(tmp_path, capsys, monkeypatch) -> None:
    lost = tmp_path / "lost"
    lost.mkdir()
    monkeypatch.chdir(lost)
    lost.rmdir()
    code, out, err = run(capsys, monkeypatch, "produce", "--out", "x")
    assert (code, out) == (2, "")
    assert err == "fourfloor: the current folder does not exist any more; change to one that does: cd ~\n"


def test_ctrl_c_during_the_imports_is_one_line(capsys, monkeypatch) -> None:
    class Interrupting:
        def find_spec(self, name: str, *rest: object) -> None:
            if name == "fourfloor.interfaces.cli":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "fourfloor.interfaces.cli")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "fourfloor: stopped by SIGINT\n"
