"""Comparing recipes: the same for all, nothing done twice, nothing lost, whatever happens."""

import importlib
import itertools
import os
import re
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from comparisons import SCRIPT, SLICES, STEPS, content_of, kill_9, request_for, write_recipe
from conftest import RECIPES
from test_cli import run

import fourfloor
from fourfloor import api, generation
from fourfloor.comparing import judging, side_by_side
from fourfloor.comparing.compare import CompareRequest, compare
from fourfloor.comparing.kept import keep, kept
from fourfloor.comparing.side_by_side import Failure, Interrupted
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.numbers import TEN
from fourfloor.runs.folder import is_claimed
from fourfloor.training import checkpoint


@pytest.fixture(scope="module")
def compared(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[CompareRequest, list]:
    """Compare three tiny recipes, interrupted by Ctrl-C, then killed; return the request and what the progress said."""
    request = request_for(tmp_path_factory.mktemp("compared"), dataset_folder, jobs=2)
    # The third one's weights are multiplied by -9 in each step, until they overflow.
    overflowing = "learning_rate = 1.0\nweight_decay = 10.0\nmax_bad_steps = 1\nwarmup_steps = 0"
    slow = write_recipe(request.out.parent, "narrow", 2)
    # Some 50 ms a step: slow enough to be stopped half-way.
    text = slow.read_text().replace("width = 16", "width = 512\nlayers = 2")
    slow.write_text(text.replace("batch_size = 4", "batch_size = 64"))
    request = replace(request, recipes=[*request.recipes, write_recipe(request.out.parent, "bad", more=overflowing)])
    log = request.out / "runs" / "narrow" / "log.jsonl"

    def press_ctrl_c(done: float, total: float, text: str) -> None:
        if text.startswith("narrow step"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="stopped by SIGINT, all work is saved"):
        compare(replace(request, recipes=[slow]), press_ctrl_c)
    assert not is_claimed(log.parent)
    saved = [checkpoint.load_latest(log.parent).step, kill_9(request, slow, log)]
    told: list[tuple[float, float, str]] = []
    compare(request, lambda *update: told.append(update))
    assert 0 < saved[0] < saved[1] < STEPS
    return request, told


def test_every_recipe_gets_the_same_and_the_slices_stand_beside_them(compared) -> None:
    request, told = compared
    content = content_of(request)
    assert [system["name"] for system in content["systems"]] == ["narrow", "b & <b>wide", "bad", SLICES]
    for system in content["systems"][:2]:
        assert [(part["steps"], part["family"]) for part in system["parts"]] == [(STEPS, "autoencoder")]
        assert system["speed"] > 0
        assert set(TEN) <= set(system["numbers"])
        assert system["problem"] == ""
    narrow, wide, _, slices = content["systems"]
    assert narrow["parts"][0]["parameters"] > wide["parts"][0]["parameters"]
    assert slices["numbers"] == content["rows"]["J"]
    assert slices["parts"] == []
    assert content["cutoff_hz"] == 4500.0  # of 10 kHz
    assert told[-1][0] == pytest.approx(told[-1][1])
    assert all(before[0] <= after[0] for before, after in itertools.pairwise(told))


def test_a_scale_that_does_not_stand_gives_numbers_and_no_verdict(compared) -> None:
    content = content_of(compared[0])
    assert content["anchored"] is False
    assert content["broken"]
    assert all(set(system["verdict"].values()) == {None} for system in content["systems"])
    text = (compared[0].out / "comparison.md").read_text()
    assert "do not support a verdict" in text
    assert "undecided" in text


def test_a_second_call_trains_nothing_and_gives_the_same_bytes(compared, monkeypatch) -> None:
    request, _ = compared
    before = {path.name: path.read_bytes() for path in request.out.glob("comparison.*")}
    for path in request.out.glob("comparison.*"):
        path.unlink()
    monkeypatch.setattr("fourfloor.comparing.side_by_side._start", None)
    make = generation.make_loop
    only_bad = lambda model, request: make(model, request) if model.name == "bad" else None  # noqa: E731
    monkeypatch.setattr(generation, "make_loop", only_bad)  # what cannot be made is tried again
    monkeypatch.setattr("fourfloor.evaluation.numbers.score_set", None)
    compare(request)
    assert {path.name: path.read_bytes() for path in request.out.glob("comparison.*")} == before
    assert sorted(before) == ["comparison.html", "comparison.json", "comparison.md"]


def test_a_page_to_be_shown_plays_nothing_of_the_dataset(compared, tmp_path) -> None:
    request, _ = compared
    with_music = (request.out / "comparison.html").read_text()
    compare(replace(request, runs=request.out / "runs", out=tmp_path, music=False))
    without = (tmp_path / "comparison.html").read_text()
    assert with_music.count("<audio") - without.count("<audio") == 4  # two held-out loops, two of slices
    assert "held-out real (A)" in with_music
    assert "held-out real (A)" not in without


def test_runs_that_are_there_are_used_and_more_loops_are_made_anew(compared, tmp_path, monkeypatch) -> None:
    request, _ = compared
    monkeypatch.setattr("fourfloor.comparing.side_by_side._start", None)
    again = CompareRequest(
        recipes=request.recipes[:1],
        data=request.data,
        out=tmp_path,
        steps=STEPS,
        n=2,
        runs=request.out / "runs",
        bpm=(100.0, 130.0),
    )
    compare(again)
    loops = sorted((request.out / "runs" / "narrow" / "compared").glob("*/sampled.json"))
    assert sorted(len(kept(path)) for path in loops) == [2, 3]
    asked = [[loop["bpm"] for loop in kept(path)] for path in loops]
    assert [100.0, 130.0] in asked


def test_what_is_kept_and_was_damaged_is_made_again(tmp_path) -> None:
    path, values = tmp_path / "heard.json", {"scores": [{"style": 1.25, "name": "é", "none": float("nan")}], "n": [1]}
    assert kept(path, "missing") == "missing"
    keep(path, values)
    assert repr(kept(path)) == repr(values)
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert kept(path) is None or repr(kept(path)) == repr(values)  # a bit of the space between two words
    for text in ("", "[]", "{}", '{"sha256": "", "content": 3}', '{"scores": []}', "[" * 10**5, "\udc00"):
        path.write_text(text, errors="surrogatepass")
        assert kept(path, "missing") == "missing"
    (tmp_path / "folder").mkdir()
    with pytest.raises(FourfloorError, match=r"folder: cannot be read \(Is a directory\)"):
        kept(tmp_path / "folder")


def test_the_page_escapes_names_and_needs_nothing_else(compared) -> None:
    text = (compared[0].out / "comparison.html").read_text()
    assert SCRIPT not in text
    assert "<b>wide" not in text
    assert "b &amp; &lt;b&gt;wide" in text
    assert "default-src 'none'" in text
    assert set(re.findall(r"(?:src|href)=.{5}", text)) == {'src="data'}
    assert text.count("<audio") == text.count("<img") >= 2 * 4
    assert text.count("<polyline") >= 2
    assert len(text) < 8_000_000
    assert "noise with a distorted rhythm behind it" in text
    assert "<b>" not in (compared[0].out / "comparison.md").read_text()


def test_a_training_that_diverges_leaves_the_others_alone(compared) -> None:
    _, wide, bad, _ = content_of(compared[0])["systems"]
    assert "training diverged" in bad["problem"]
    assert "1 steps in a row were not finite" in bad["problem"]
    assert wide["problem"] == ""


def test_a_bug_in_a_training_is_told_with_its_traceback(monkeypatch, capsys) -> None:
    def breaks(request: object, tell: object) -> None:
        raise KeyError("of ours")

    said: list[Any] = []
    monkeypatch.setattr(side_by_side, "train", breaks)
    monkeypatch.setattr(side_by_side.signal, "signal", lambda number, handler: None)
    connection = SimpleNamespace(send=said.append)
    side_by_side._work(None, connection)  # type: ignore[arg-type]
    assert said == [("bug", 0.0, "a bug: KeyError: 'of ours'")]
    assert capsys.readouterr().err.startswith("Traceback")


def test_a_bug_in_a_training_fails_the_comparison_once_the_report_is_written(compared, tmp_path, monkeypatch) -> None:
    request, _ = compared
    broken = write_recipe(tmp_path, "broken")
    asked = replace(
        request, recipes=[request.recipes[1], broken], out=tmp_path / "report", runs=request.out / "runs", music=False
    )

    def train_all(groups: object, jobs: int, on_progress: object) -> dict[Path, Failure]:
        return {request.out / "runs" / "broken": Failure("a bug: KeyError: 'of ours'", is_bug=True)}

    monkeypatch.setattr(importlib.import_module("fourfloor.comparing.compare"), "train_all", train_all)
    with pytest.raises(RuntimeError, match="a bug ended broken; its traceback is above"):
        compare(asked)
    wide, row, _ = content_of(asked)["systems"]
    assert row["problem"] == "training failed: a bug: KeyError: 'of ours'"
    assert wide["problem"] == ""


def test_ctrl_c_and_kill_9_lose_nothing(compared, tmp_path: Path) -> None:
    request, _ = compared
    api.train(
        api.TrainRequest(
            recipe=request.recipes[0], data=[request.data], run=tmp_path / "straight", steps=STEPS, device="cpu"
        )
    )
    killed = request.out / "runs" / "narrow" / "log.jsonl"
    assert killed.read_bytes() == (tmp_path / "straight" / "log.jsonl").read_bytes()


def test_the_command_line_says_how_to_go_on(tmp_path: Path, capsys, monkeypatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(sys.modules["fourfloor.comparing.compare"], "compare", interrupted)
    code, out, err = run(capsys, monkeypatch, "compare", "a.toml", "--data", "d", "--out", tmp_path, "--minutes", 1)
    assert (code, out) == (130, "")
    assert err == f"fourfloor: {tmp_path}: stopped by SIGINT, all work is saved. Run the same command to continue\n"


def write_pair(folder: Path) -> list[Path]:
    """Write small recipes of a prior and its decoder."""
    small = {"decoder": ["crop_latents = 16"], "prior": ["depth = 1", "heads = 1"]}
    for name, (first, *rest) in small.items():
        text = (RECIPES / f"{name}.toml").read_text()
        text = re.sub(r"^(width|depth|frame_depth) = .*\n", "", text, flags=re.MULTILINE)
        table = "[representation]\nname" if name == "decoder" else "[model]\nfamily"
        (folder / f"{name}.toml").write_text(re.sub(rf"({re.escape(table)}.*)", "\n".join([r"\1", first, *rest]), text))
    return [folder / "prior.toml", folder / "decoder.toml"]


def test_a_system_of_two_models_shares_its_minutes(compared, dataset_folder: Path, tmp_path: Path, monkeypatch) -> None:
    request = request_for(tmp_path, dataset_folder, recipes=write_pair(tmp_path), minutes=3.0, steps=None, n=3,
                          runs=compared[0].out / "runs", cutoff_hz=4500.0)  # fmt: skip
    minutes: list[Any] = []

    def note_and_stop(asked, jobs, on_progress):
        minutes.extend(training.minutes for training in itertools.chain(*asked))
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(sys.modules["fourfloor.comparing.compare"], "train_all", note_and_stop)
    with pytest.raises(Interrupted):
        compare(request)
    assert minutes == [1.5, 1.5]


def test_a_prior_is_trained_beside_its_decoder(compared, dataset_folder: Path, tmp_path: Path, monkeypatch) -> None:
    overrides = ["training.batch_size=2", "model.width=16"]
    request = request_for(
        tmp_path, dataset_folder, recipes=write_pair(tmp_path), steps=2, n=3,
        runs=compared[0].out / "runs", cutoff_hz=4500.0, overrides=overrides, jobs=2,
    )  # fmt: skip
    groups = []

    def in_this_process(asked, jobs, on_progress):
        groups.extend(asked)
        for training in itertools.chain(*asked):
            api.train(training)
        return {}

    monkeypatch.setattr(sys.modules["fourfloor.comparing.compare"], "train_all", in_this_process)
    compare(request)
    assert [[training.recipe.stem for training in group] for group in groups] == [["prior", "decoder"]]
    prior, slices = content_of(request)["systems"]
    assert [(part["name"], part["steps"], part["threads"]) for part in prior["parts"]] == [
        ("prior", 2, 1),
        ("decoder", 2, 1),
    ]
    assert prior["problem"] == ""
    assert prior["numbers"] is not None
    assert slices["name"] == SLICES


def test_what_is_kept_is_keyed_by_the_code_that_made_it(tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(Path(fourfloor.__file__).parent, tmp_path / "fourfloor", ignore=shutil.ignore_patterns("bundled"))
    monkeypatch.setattr(fourfloor, "__file__", str(tmp_path / "fourfloor" / "__init__.py"))
    before = judging.code_hash(*judging.module_files("models", "wavegan"))
    unused, used = ("models/flow/outline.py", "nn/attention.py"), ("nn/wasserstein.py", "models/wavegan/network.py")
    for name, changes in [*((name, False) for name in unused), *((name, True) for name in used)]:
        with (tmp_path / "fourfloor" / name).open("a") as file:
            file.write("# changed")
        now = judging.code_hash(*judging.module_files("models", "wavegan"))
        assert (now != before) is changes
        before = now


def test_a_run_of_another_experiment_is_refused(compared, tmp_path: Path) -> None:
    request, _ = compared
    recipes = [Path(shutil.copy(path, tmp_path)) for path in request.recipes[:2]]
    again = replace(request, recipes=recipes, out=tmp_path / "report", runs=request.out / "runs")
    again.recipes[0].write_text(again.recipes[0].read_text().replace("behind it", "before it"))
    compare(again)
    assert content_of(again)["systems"][0]["seed_verdict"].endswith("before it")
    write_recipe(tmp_path, "narrow", 3)
    with pytest.raises(ValueError, match="was trained with another recipe"):
        compare(again)
