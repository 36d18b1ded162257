"""Which draw of a loop is kept, what is wrong with it, and the command that makes exactly it."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import house_loop
from test_cli import run

from fourfloor import api, audio, faults, generation, loading
from fourfloor.api import draws
from fourfloor.api.draws import Draw, best_draw, judge_draw
from fourfloor.api.evaluate import _sampled
from fourfloor.copies import fingerprints
from fourfloor.copies.fingerprints import Fingerprints
from fourfloor.copies.policy import NEARLY_A_COPY
from fourfloor.dataset import Dataset
from fourfloor.evaluation.scores import score_loop
from fourfloor.generation import Request
from fourfloor.representations.controls import Controls

RATE = audio.SAMPLE_RATE


@pytest.fixture(scope="session")
def model(trained_runs: dict[str, Path]) -> loading.LoopModel:
    return loading.load_model(str(trained_runs["prior"]))


@pytest.fixture(scope="session")
def reference(trained_runs: dict[str, Path]) -> Fingerprints:
    return fingerprints.load(trained_runs["prior"])


def plan_draws(monkeypatch: pytest.MonkeyPatch, found: list[tuple[str, ...]], quality: list[float]) -> list[int]:
    """Let the draws of a loop have these faults and qualities, in order; return the list of seeds that were drawn."""
    seeds: list[int] = []

    def judged(model: object, request: Request, waveform: np.ndarray, reference: object) -> Draw:
        number = len(seeds) - 1
        names = found[number]
        rank = ("copy" not in names, not any("misses" in name for name in names), not names, quality[number])
        return Draw(request=request, waveform=waveform, scores=SCORES, controls={}, faults=names, rank=rank)

    def made(model: object, request: Request) -> np.ndarray:
        seeds.append(request.seed)
        return LOOP

    monkeypatch.setattr(draws, "leveled", made)
    monkeypatch.setattr(draws, "judge_draw", judged)
    return seeds


LOOP = house_loop(126.0)
SCORES = replace(score_loop(LOOP, RATE, 126.0, 1), copy_score=0.3, nearest="a track @ 1.0 s")


def test_draws_have_seeds_of_their_own_that_follow_from_the_first() -> None:
    choices = [generation.draw_requests(Request(seed=seed), 4) for seed in (5, 6, 7)]
    assert [group[0].seed for group in choices] == [5, 6, 7]
    assert len({request.seed for group in choices for request in group}) == 12
    assert choices[0][:2] == generation.draw_requests(Request(seed=5), 2)
    assert choices[0][:1] == generation.draw_requests(Request(seed=5), 1)


@pytest.mark.parametrize(
    ("found", "quality", "candidates", "redraws", "kept", "drawn"),
    [
        ([()], [0.1], 1, 4, 0, 1),
        ([("copy",), ()], [0.9, 0.1], 1, 4, 1, 2),
        ([("misses kick",), ("copy",), ()], [0.5, 0.5, 0.1], 1, 4, 2, 3),
        ([("copy",), ("misses kick",), ("tempo",)], [0.9, 0.8, 0.1], 1, 2, 2, 3),  # the least of the evils
        ([("copy",), ()], [0.9, 0.1], 1, 0, 0, 1),
        ([(), (), ()], [0.1, 0.7, 0.3], 3, 4, 1, 3),  # candidates are all made
        ([("tempo",), (), ("copy",)], [0.9, 0.3, 0.9], 3, 4, 1, 3),
        ([("tempo",), ("tempo",), ("copy",), ()], [0.9, 0.3, 0.9, 0.1], 3, 4, 3, 4),
    ],
)
def test_a_loop_is_redrawn_while_its_best_draw_has_a_fault(
    found, quality, candidates, redraws, kept, drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = plan_draws(monkeypatch, found, quality)
    nothing: Any = None  # what samples and what is searched is replaced
    best = best_draw(nothing, Request(seed=3), candidates, redraws, lambda: nothing)
    assert seeds == [request.seed for request in generation.draw_requests(Request(seed=3), drawn)]
    assert (best.draws, best.request.seed, best.faults) == (drawn, seeds[kept], found[kept])


def test_a_training_loop_is_a_copy_and_noise_has_no_tempo(
    model: loading.LoopModel, reference: Fingerprints, dataset_folder: Path
) -> None:
    dataset = Dataset([dataset_folder])
    index = int(dataset.indices("train")[0])
    asked = Request(bpm=dataset.bpm(index))
    copied = judge_draw(model, asked, dataset.waveform(index), reference)
    assert copied.faults == ("copy",)
    assert copied.scores.is_copy
    noise = 0.1 * np.random.default_rng(0).standard_normal(dataset.waveform(index).shape).astype(np.float32)
    assert "tempo" in judge_draw(model, asked, noise, reference).faults
    assert judge_draw(model, asked, 0 * noise, reference).faults == ("silent",)
    assert copied.rank < judge_draw(model, asked, noise, reference).rank


def test_every_fault_has_a_name(reference: Fingerprints) -> None:
    loop = house_loop(126.0, 4)
    good = replace(score_loop(loop, RATE, 126.0, 4), copy_score=0.3, nearest="a track @ 1.0 s")
    envelope, limit = reference.envelope, NEARLY_A_COPY

    def names(scores=good, asked=None, measured=None) -> tuple[str, ...]:
        return faults.faults_of(scores, envelope, asked or {}, measured or {})

    assert names() == ()
    assert names(replace(good, copy_score=limit)) == ("copy",)
    assert names(replace(good, copy_score=limit - 0.001)) == ()
    assert names(asked={"kick": 0.0, "low_end": 0.9}, measured={"kick": 1.0, "low_end": 0.39}) == (
        "misses kick", "misses low end",
    )  # fmt: skip
    assert names(asked={"low_end": 0.9}, measured={"low_end": 0.4}) == ()
    assert names(score_loop(np.roll(loop, 99) * np.linspace(0, 1, loop.shape[1]) ** 2, RATE, 126.0, 4)) == (
        "open seam",
    )
    assert names(score_loop(np.clip(8 * loop, -0.5, 0.5), RATE, 126.0, 4)) == ("clipped",)
    assert "tempo" in names(score_loop(house_loop(97.0, 4), RATE, 126.0, 4))
    loop[0, 7] = np.nan
    assert names(score_loop(loop, RATE, 126.0, 4)) == ("not finite",)


def make(run: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Generate one loop of one bar with a run's model; return its row of `--json`."""
    return api.generate(out, model=run, **({"bars": 1, "count": 1, "redraws": 0} | options)).to_json()["loops"][0]


def test_the_command_in_the_tag_makes_the_same_bytes(
    trained_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was chosen or redrawn, and though the first draw of its seed has a fault again."""
    monkeypatch.setattr(faults, "MISS_LIMIT", -1.0)  # so every draw misses
    wanted = Controls(density=0.8, kick=False)
    row = make(
        trained_runs["prior"], tmp_path / "a", seed=1, bpm=133.37, style="HOUSE", controls=wanted, candidates=3,
        redraws=2, decoder=str(trained_runs["decoder"]),
    )  # fmt: skip
    assert {"misses density", "misses kick"} <= set(row["faults"])
    assert row["draws"] == 5
    tags = audio.read_tags(row["file"])
    assert tags is not None
    comment = json.loads(tags.comment)
    assert comment["seed"] == row["seed"]
    words = shlex.split(comment["command"])
    assert words[:2] == ["fourfloor", "generate"]
    code, _, err = run(capsys, monkeypatch, *words[1:], "--out", tmp_path / "b")
    assert code == 0, err
    again = tmp_path / "b" / Path(row["file"]).name
    assert again.read_bytes() == Path(row["file"]).read_bytes()
    assert "_kick-0_" in again.name
    assert "_house_" in again.name


def test_strict_writes_no_loop_with_a_fault(
    trained_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("generate", "--model", trained_runs["prior"], "--bars", 1, "--count", 3, "--strict", "--redraws", 1)
    copy = ("copy",)
    plans: list[tuple[list[tuple[str, ...]], int]] = [([copy, copy, (), ()], 2), ([copy] * 6, 0), ([()] * 3, 3)]
    for found, written in plans:
        out = tmp_path / str(written)
        seeds = plan_draws(monkeypatch, found, [0.5] * len(found))
        monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})  # one after another
        code, said, err = run(capsys, monkeypatch, *arguments, "--out", out, "--json")
        rows = json.loads(said)["loops"]
        assert len(seeds) == len(found)
        assert code == (0 if written == 3 else 5)
        assert len(list(out.glob("*"))) == written == sum(row["file"] is not None for row in rows)
        assert all((row["file"] is None) == bool(row["faults"]) for row in rows)
        assert ("still have a fault and were not written" in err) == (written < 3)


def test_a_fault_is_said_in_words(
    trained_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("generate", "--model", trained_runs["prior"], "--bars", 1, "--count", 1, "--out", tmp_path)
    plan_draws(monkeypatch, [("copy", "misses kick")] * 5, [0.5] * 5)
    code, out, _ = run(capsys, monkeypatch, *arguments)
    lines = out.splitlines()
    assert code == 0
    told = r"126 BPM(, \S+)?, closes cleanly; similarity 0.30 to a track at 1.0 s; redrawn 4 times$"  # key or none
    assert re.search(told, lines[0])
    told = "the loop copies a passage of the training music and misses kick as you asked for it"
    assert lines[1] == f"  FAULT: {told}"
    assert lines[-1] == "1 of 1 loop has a fault: try another --seed or more --redraws."


def test_evaluate_redraws_as_asked_and_says_what_is_left(
    trained_runs: dict[str, Path], dataset_folder: Path, monkeypatch: pytest.MonkeyPatch, model: loading.LoopModel
) -> None:
    import importlib

    module = importlib.import_module("fourfloor.api.evaluate")
    dataset = Dataset([dataset_folder])
    asked = module.EvaluateRequest(loops=str(trained_runs["prior"]), against=dataset_folder, n=2)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})  # one after another
    monkeypatch.setattr(module, "leveled", lambda model, request: np.zeros((2, 7)))
    as_drawn = _sampled(asked, asked.loops, model)
    loops = list(as_drawn.stream([0, 1]))
    assert [(loop.name, loop.bpm, loop.waveform.shape[1]) for loop in loops] == [
        ("prior seed 0", 150.0, 7), ("prior seed 1", 150.0, 7),
    ]  # fmt: skip
    assert as_drawn.notes() == []
    plan_draws(monkeypatch, [("copy",), (), *[("misses kick", "tempo")] * 5], [0.5] * 7)
    redrawn = _sampled(replace(asked, redraw=True), asked.loops, model)
    assert [loop.name for loop in redrawn.stream([0, 1])] == ["prior seed 0", "prior seed 1"]
    assert redrawn.notes() == ["2 of 2 loops were redrawn", "1 loops still have a fault: misses kick (1), tempo (1)"]
    stranger = replace(model, prior=replace(model.prior, meta={**model.prior.meta, "vocabulary": ["polka", "tango"]}))
    styles = sorted({dataset.style(int(index)) for index in dataset.indices("validation")})
    told = f"2 loops were asked for in any style, because prior does not know {', '.join(styles)}"
    assert _sampled(asked, asked.loops, stranger).notes() == [told]


def test_finished_loops_are_not_redrawn_in_silence(dataset_folder: Path, tmp_path: Path) -> None:
    audio.write_loop(tmp_path / "loop.wav", LOOP, audio.LoopTags(bpm=126.0, bars=1))
    for options in ({"redraw": True}, {"candidates": 2}):
        asked = api.EvaluateRequest(loops=str(tmp_path), against=dataset_folder, **options)
        with pytest.raises(ValueError, match="holds finished loops: leave --redraw and --candidates out"):
            api.evaluate(asked, lambda done, total, text: None)
