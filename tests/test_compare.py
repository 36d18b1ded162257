"""Comparing recipes: the same for all, nothing done twice, nothing lost, whatever happens."""

import json
import re
import time
from pathlib import Path

import pytest

from fourfloor import pipeline
from fourfloor.evaluation.comparison import MAX_BYTES, Comparison, Part, System, excerpt_bars, markdown, page
from fourfloor.evaluation.numbers import TEN
from fourfloor.evaluation.pictures import curves
from fourfloor.evaluation.sources import Sample

SMALL = """# {title}
[about]
seed_verdict = "noise with a distorted rhythm behind it"
[representation]
name = "waveform"
samples = 4096
[model]
family = "autoencoder"
width = 16
latent_dim = {latents}
[training]
batch_size = 4
threads = 1
checkpoint_seconds = 0.05
{more}
"""
SCRIPT = "<script>alert(1)</script>"


def write_recipe(folder: Path, name: str, latents: int = 4, more: str = "") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(SMALL.format(title=f"The {name} {SCRIPT} experiment", latents=latents, more=more))
    return path


def request_for(folder: Path, dataset: Path, **changes: object) -> pipeline.CompareRequest:
    recipes = [write_recipe(folder, name, latents) for name, latents in (("narrow", 2), ("b & <b>wide", 8))]
    plan = {"recipes": recipes, "data": dataset, "out": folder / "report", "steps": 4, "n": 3, **changes}
    return pipeline.CompareRequest(**plan)


@pytest.fixture(scope="module")
def compared(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[pipeline.CompareRequest, list]:
    """Compare two tiny recipes once; return the request and what the progress said."""
    request = request_for(tmp_path_factory.mktemp("compared"), dataset_folder)
    told: list[tuple[float, float, str]] = []
    pipeline.compare(request, lambda *update: told.append(update))
    return request, told


def content_of(request: pipeline.CompareRequest) -> dict:
    return json.loads((request.out / "comparison.json").read_text())


def test_every_recipe_gets_the_same_and_the_slices_stand_beside_them(compared) -> None:
    request, told = compared
    content = content_of(request)
    assert [system["name"] for system in content["systems"]] == ["narrow", "b & <b>wide", "beat slices, no network"]
    for system in content["systems"][:2]:
        assert [(part["steps"], part["family"]) for part in system["parts"]] == [(4, "autoencoder")]
        assert system["speed"] > 0
        assert set(TEN) <= set(system["numbers"])
        assert system["problem"] == ""
    narrow, wide, slices = content["systems"]
    assert narrow["parts"][0]["parameters"] < wide["parts"][0]["parameters"]
    assert slices["numbers"] == content["rows"]["J"]
    assert slices["parts"] == []
    assert content["cutoff_hz"] == 4500.0  # of 10 kHz
    assert told[-1][0] == pytest.approx(told[-1][1])
    assert all(before[0] <= after[0] for before, after in zip(told, told[1:], strict=False))


def test_a_scale_that_does_not_stand_gives_numbers_and_no_verdict(compared) -> None:
    content = content_of(compared[0])
    assert content["anchored"] is False
    assert content["broken"]
    assert all(set(system["verdict"].values()) == {None} for system in content["systems"])
    text = (compared[0].out / "comparison.md").read_text()
    assert "not anchored" in text
    assert "not judged" in text


def test_a_second_call_trains_nothing_and_gives_the_same_bytes(compared, monkeypatch) -> None:
    request, _ = compared
    before = {path.name: path.read_bytes() for path in request.out.glob("comparison.*")}
    for path in request.out.glob("comparison.*"):
        path.unlink()
    monkeypatch.setattr("fourfloor.pipeline.side_by_side._start", None)
    monkeypatch.setattr("fourfloor.generation.make_loop", None)
    monkeypatch.setattr("fourfloor.evaluation.numbers.hear_set", None)
    began = time.monotonic()
    pipeline.compare(request)
    assert time.monotonic() - began < 20
    assert {path.name: path.read_bytes() for path in request.out.glob("comparison.*")} == before
    assert sorted(before) == ["comparison.html", "comparison.json", "comparison.md"]


def test_runs_that_are_there_are_used_and_more_loops_are_made_anew(compared, tmp_path, monkeypatch) -> None:
    request, _ = compared
    monkeypatch.setattr("fourfloor.pipeline.side_by_side._start", None)
    again = pipeline.CompareRequest(recipes=request.recipes[:1], data=request.data, out=tmp_path, steps=4, n=2,
                                    runs=request.out / "runs", bpm=(100.0, 130.0))
    pipeline.compare(again)
    loops = sorted((request.out / "runs" / "narrow" / "compared").glob("*/sampled.json"))
    assert sorted(len(json.loads(path.read_text())) for path in loops) == [2, 3]
    asked = [[loop["bpm"] for loop in json.loads(path.read_text())] for path in loops]
    assert [100.0, 130.0] in asked


def test_the_page_escapes_names_and_needs_nothing_else(compared) -> None:
    text = (compared[0].out / "comparison.html").read_text()
    assert SCRIPT not in text
    assert "<b>wide" not in text
    assert "b &amp; &lt;b&gt;wide" in text
    assert "default-src 'none'" in text
    assert re.findall(r"(?:src|href)=.{5}", text) == ['src="data'] * 16
    assert text.count("<audio") == text.count("<img") == 2 * 4
    assert text.count("<polyline") == 2
    assert len(text) < 8_000_000
    assert "noise with a distorted rhythm behind it" in text
    assert "<b>" not in (compared[0].out / "comparison.md").read_text()


def test_excerpts_shrink_until_the_page_can_be_committed() -> None:
    loop = Sample(waveform=None, sample_rate=44_100, bpm=120.0, bars=4, track="")  # type: ignore[arg-type]
    assert [excerpt_bars({"a": [loop] * count}) for count in (4, 24, 50)] == [4, 2, 1]
    assert MAX_BYTES < 8_000_000


def test_the_table_says_what_went_wrong_and_what_it_cost() -> None:
    parts = [Part(name="p", family="flow", parameters=1000, steps=60, minutes=2.0, threads=1),
             Part(name="d", family="magnitude_decoder", parameters=234, steps=6, minutes=2.0, threads=1)]
    systems = [System(name="pair", parts=parts, problem="training diverged: at step 3"), System(name="nothing")]
    comparison = Comparison(systems=systems, rows={}, broken=[], budget="2 minutes each", n=1, seed=0,
                            cutoff_hz=4500.0, data="d", data_hash="0" * 64, machine={"processor": "a"})
    text = markdown(comparison)
    assert "| pair | flow + magnitude_decoder | 1,234 | 60 + 6 | 2.0 + 2.0 | 1 + 1 | 4.0 | 0.50 + 0.05 | - |" in text
    assert "training diverged: at step 3" in text
    assert "4500 Hz" in text
    assert json.loads(comparison.to_json())["systems"][0]["core_minutes"] == 4.0
    assert "<audio" not in page(comparison, {}, {})


def test_curves_leave_out_what_is_not_finite() -> None:
    records = [{"step": i, "loss": None if i == 3 else float(i)} for i in range(1, 9)]
    records[4]["validation"] = float("nan")
    records[5]["validation"] = 2.0
    drawn = curves("loss", records)
    assert drawn.count("<circle") == 1
    assert "nan" not in drawn
    assert "no steps" in curves("loss", records[:1])


def test_a_training_that_diverges_leaves_the_others_alone(dataset_folder: Path, tmp_path: Path, monkeypatch) -> None:
    # Each step multiplies the weights by -9, until they overflow.
    overflowing = "learning_rate = 1.0\nweight_decay = 10.0\nmax_bad_steps = 1\nwarmup_steps = 0"
    bad = write_recipe(tmp_path, "bad", more=overflowing)
    request = request_for(tmp_path, dataset_folder, recipes=[bad, write_recipe(tmp_path, "good")], n=2, steps=60)
    pipeline.compare(request)
    systems = content_of(request)["systems"]
    assert "training diverged" in systems[0]["problem"]
    assert "1 steps in a row were not finite" in systems[0]["problem"]
    assert systems[1]["problem"] == ""
    assert systems[1]["parts"][0]["steps"] == 60
    assert systems[1]["numbers"] is not None
    monkeypatch.setattr("fourfloor.pipeline.side_by_side._start", None)
    pipeline.compare(request)
    assert content_of(request)["systems"] == systems
