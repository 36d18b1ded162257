"""The real command line: what it prints, what it refuses, how it ends."""

import errno
import json
import os
import re
import sys
from pathlib import Path

import pytest
import soundfile
import typer
from conftest import RECIPES, house_loop

from fourfloor.errors import FourfloorError
from fourfloor.evaluation.verdict import NotAnchoredError
from fourfloor.interfaces import cli
from fourfloor.training.state import DivergedError

COMMANDS = list(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
BUGS = [ValueError, KeyError, TypeError, RuntimeError, AssertionError, OSError, RecursionError, UnicodeError]


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str, str]:
    """Run the command line in this process; return exit code, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["fourfloor", *map(str, arguments)])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Return a folder of two short tracks and a text file."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number, bpm in enumerate((124.0, 132.0)):
        track = house_loop(bpm, 12, seed=number)
        soundfile.write(folder / f"track{number}.flac", track.T, 44_100)
    (folder / "broken.wav").write_text("this is not audio")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command, capsys, monkeypatch) -> None:
    code, out, _ = run(capsys, monkeypatch, command, "--help")
    assert code == 0
    assert f"Example: fourfloor {command}" in out
    assert ("--json" in out) == (command not in ("studio", "stream"))  # a page, and sound on a pipe


def test_the_version_is_printed(capsys, monkeypatch) -> None:
    code, out, _ = run(capsys, monkeypatch, "--version")
    assert (code, out) == (0, "fourfloor 0.1.0\n")


def test_ingest_prints_what_it_promises(music, tmp_path, capsys, monkeypatch) -> None:
    options = ("--out", tmp_path / "d", "--bars", 2, "--json", "--jobs", 1)
    code, out, err = run(capsys, monkeypatch, "ingest", music, *options)
    said = json.loads(out)
    assert code == 0, err
    assert list(said) == ["tracks", "loops", "rejected"]
    assert [track["bpm"] for track in said["tracks"]] == pytest.approx([124.0, 132.0], abs=0.05)
    assert said["loops"] == sum(track["loops"] for track in said["tracks"]) > 0
    assert [Path(entry["file"]).name for entry in said["rejected"]] == ["broken.wav"]


def test_ingest_shows_a_table(music, tmp_path, capsys, monkeypatch) -> None:
    code, out, _ = run(capsys, monkeypatch, "ingest", music, "--out", tmp_path / "d", "--bars", 2, "--jobs", 1)
    assert code == 0
    assert "track0.flac" in out
    assert "rejected:" in out
    assert f"{tmp_path / 'd'}: " in out.splitlines()[-2]
    assert out.splitlines()[-1] == (
        f"Next: fourfloor train adapt --from warehouse --data {tmp_path / 'd'} --out runs/d"
    )


def test_ten_khz_mono_as_the_first_experiments_had_it(music, tmp_path, capsys, monkeypatch) -> None:
    from fourfloor.ingestion.catalogue import load

    options = ("--bars", 1, "--sample-rate", 10_000, "--channels", 1, "--jobs", 1)
    code, out, err = run(capsys, monkeypatch, "ingest", music, "--out", tmp_path / "d", *options)
    assert code == 0, err
    assert "Next:" not in out  # the bundled model does not learn from these
    catalogue = load(tmp_path / "d")
    assert (catalogue.sample_rate, catalogue.channels) == (10_000, 1)
    assert catalogue.waveform(0).shape == (1, catalogue.loops[0].frames)


def test_produce_says_where_everything_is(tmp_path, capsys, monkeypatch) -> None:
    options = ("--count", 1, "--bars", 1, "--wav", "--midi", "--jobs", 1)
    code, out, err = run(capsys, monkeypatch, "produce", "--out", tmp_path / "d", *options)
    assert code == 0, err
    files = tmp_path / "d-files"
    assert out.splitlines() == [f"{tmp_path / 'd'}: 1 loop", f"{files}: tempo, key and notes of each loop, WAV, MIDI"]
    assert {path.suffix for path in files.iterdir()} == {".jsonl", ".wav", ".mid"}


def test_generate_as_json(trained_runs, tmp_path, capsys, monkeypatch) -> None:
    arguments = ("--model", trained_runs["prior"], "--bars", 1, "--count", 1, "--out", tmp_path, "--json")
    code, out, err = run(capsys, monkeypatch, "generate", *arguments)
    assert code == 0, err
    assert Path(json.loads(out)["loops"][0]["file"]).exists()


def test_generate_prints_a_line_for_each_loop(trained_runs, tmp_path, capsys, monkeypatch) -> None:
    arguments = ("--model", trained_runs["prior"], "--bars", 1, "--count", 2, "--out", tmp_path, "--redraws", 0)
    code, out, _ = run(capsys, monkeypatch, "generate", *arguments)
    lines = out.splitlines()
    assert code == 0
    assert len(lines) == 3
    shown = (
        r"fourfloor_126bpm_prior_1bars_s[01]\.wav  126 BPM, closes cleanly; similarity 0\.\d\d to track \d at \d+\.\d s"
    )
    assert all(re.search(shown + "$", line) for line in lines[:2]), out
    assert "x real time). Similarity is to the nearest passage of the training music; a copy has 0.64" in lines[2]


def test_wrong_input_is_one_line_and_exit_2(trained_runs, dataset_folder, music, tmp_path, capsys, monkeypatch) -> None:
    model = ("--model", trained_runs["prior"])
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    bad_recipe = tmp_path / "bad.toml"
    bad_recipe.write_text((RECIPES / "prior.toml").read_text() + "\nlearning_rat = 3\n")
    cases = {
        "bpm 0": ("generate", *model, "--bpm", 0),
        "bars 5": ("generate", *model, "--bars", 5),
        "holds no model": ("generate", "--model", tmp_path),
        "cannot write": ("generate", *model, "--out", in_the_way / "loops"),
        "learning_rat": ("train", bad_recipe, "--data", dataset_folder, "--out", tmp_path / "r"),
        "holds no dataset": ("train", RECIPES / "prior.toml", "--data", music, "--out", tmp_path / "r"),
        "broken.wav": ("ingest", music / "broken.wav", "--out", tmp_path / "d"),
        "no-such-folder": ("ingest", tmp_path / "no-such-folder", "--out", tmp_path / "d"),
        "no-such-loops": ("evaluate", tmp_path / "no-such-loops", "--against", dataset_folder),
        "is an exported model, not a training run": ("export", "warehouse", "--out", tmp_path / "m"),
        ": holds no model": ("export", tmp_path, "--decoder", trained_runs["decoder"], "--out", tmp_path / "m"),
    }
    for told, arguments in cases.items():
        code, out, err = run(capsys, monkeypatch, *arguments)
        assert (code, out) == (2, ""), (told, code, out, err)
        assert err.startswith("fourfloor: ")
        assert err.count("\n") == 1
        assert told in err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["music"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "--bogus"), "No such option: --bogus"),
        (("generate", "--bpm", "fast"), "Invalid value for '--bpm'"),
        (("ingest",), "Missing argument 'sources'"),
        (("dance",), "No such command 'dance'"),
    ],
)
def test_a_wrong_command_line_is_one_line_too(arguments, message, capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"fourfloor: {message}")
    assert err.endswith("--help\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (FourfloorError("say what to do"), 2, "fourfloor: say what to do"),
        (NotAnchoredError("the scale is broken"), 3, "fourfloor: the scale is broken"),
        (DivergedError("the loss is not finite"), 4, "fourfloor: the loss is not finite"),
        (OSError(errno.EACCES, "Permission denied", "a/b.wav"), 2, "fourfloor: a/b.wav: Permission denied; check "),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "fourfloor: output: No space left on device; check "),
        (MemoryError(), 2, "fourfloor: out of memory; "),
        *((bug("of ours"), 1, "fourfloor: this is a bug in fourfloor: please report ") for bug in BUGS),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_a_mistake_is_one_line_and_a_bug_a_traceback(error, code, told, debug, capsys, monkeypatch) -> None:
    from fourfloor.api import models

    def raises(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(models, "list_models", raises)
    ended, out, err = run(capsys, monkeypatch, *(["--debug"] if debug else []), "models")
    assert (ended, out) == (code, "")
    assert err.splitlines()[-1].startswith(told)
    assert err.startswith("Traceback") == (debug or code == 1)
    assert (err.count("\n") == 1) == (code != 1 and not debug)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("generate", "--out", ""), "--out"), (("generate", "--out="), "--out"),
        (("evaluate", "", "--n", 1), "an argument"), (("ingest", " ", "--out", "x"), "an argument"),
    ],
)  # fmt: skip
def test_an_empty_argument_is_not_the_current_folder(arguments, name, capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, *arguments)
    told = f"fourfloor: {name} is empty. Give it a value; perhaps a shell variable is not set\n"
    assert (code, out, err) == (2, "", told)


def test_a_dataset_is_not_sent_to_memory_that_ends_with_the_command(dataset_folder, capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, "push", dataset_folder, "memory://mine")
    told = "fourfloor: memory://mine: memory ends with this command; write s3://BUCKET/NAME, or a folder\n"
    assert (code, out, err) == (2, "", told)


def test_nothing_asked_is_answered_with_help(capsys, monkeypatch) -> None:
    code, out, _ = run(capsys, monkeypatch)
    assert code == 0
    assert "generate" in out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everywhere")
def test_folders_without_permission_are_named(trained_runs, music, tmp_path, capsys, monkeypatch) -> None:
    music.chmod(0)
    try:
        code, _, err = run(capsys, monkeypatch, "ingest", music, "--out", tmp_path / "d")
    finally:
        music.chmod(0o755)
    assert code == 2
    assert err.count("\n") == 1


def test_generate_takes_controls_and_says_which_model_has_none(
    tmp_path, prior_without_controls, capsys, monkeypatch
) -> None:
    controls = ("--density", 0.7, "--brightness", 0.3, "--low-end", 0.5, "--energy", 0.8, "--no-kick")
    model = ("--model", prior_without_controls)
    code, _, err = run(capsys, monkeypatch, "generate", *model, *controls, "--out", tmp_path / "loops")
    assert code == 2
    asked = "density, brightness, low_end, kick, energy"
    remedy = "train with the recipe prior, which turns them on"
    assert err == f"fourfloor: plain was trained without controls ({asked}): {remedy}\n"
    code, _, err = run(capsys, monkeypatch, "generate", "--density", 7, "--out", tmp_path / "loops")
    assert (code, err) == (2, "fourfloor: density 7 is outside 0-1: give a rank among the training loops\n")
    assert not (tmp_path / "loops").exists()
