"""What `fourfloor models` lists: families with their recipes, the package, runs; and what it cannot read."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from conftest import RECIPES
from test_cli import run

from fourfloor import api
from fourfloor.models import families
from fourfloor.training import checkpoint


def test_families_name_the_recipes_that_use_them(tmp_path: Path) -> None:
    shutil.copy(RECIPES / "prior.toml", tmp_path)
    (tmp_path / "broken.toml").write_text("[model\n")
    found = api.list_models([], recipes=tmp_path)
    assert [row.family for row in found.families] == families()
    flow = next(row for row in found.families if row.family == "flow")
    assert flow.recipes == ("adapt", "one-track", "prior", str(tmp_path / "prior.toml"))
    assert flow.summary == "The prior: a flow-matching transformer over the latents of a loop"
    assert all(row.summary for row in found.families)
    assert [row.path for row in found.unreadable] == [str(tmp_path / "broken.toml")]
    assert [row.name for row in found.models] == ["warehouse"]


def test_runs_are_found_wherever_they_lie_below(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    shutil.copytree(trained_runs["prior"], deep / "prior")
    (deep / "empty" / "checkpoints").mkdir(parents=True)
    damaged = deep / "damaged" / "checkpoints"
    damaged.mkdir(parents=True)
    (damaged / "step-00000001.json").write_text('{"step": 1}')
    found = api.list_models([tmp_path])
    (prior,) = [row for row in found.models if row.kind == "run"]
    assert (prior.name, prior.family, prior.steps) == ("prior", "flow", (3,))
    assert prior.dataset.endswith("house")
    assert prior.parameters > 10_000
    assert prior.bytes > 4 * prior.parameters
    assert {Path(row.path).name for row in found.unreadable} == {"empty", "damaged"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("recipe", []), ("recipe", {"model": []}), ("recipe", {"model": {"family": 7}}), ("step", "3"), ("step", -1),
        ("elapsed", None), ("elapsed", float("nan")), ("shape", {"latent_dim": 10**9}), ("shape", None),
        ("vocabulary", "house"), ("vocabulary", ["\x1b[31mred"]), ("vocabulary", ["a", "a"]), ("data_hash", ["x"]),
        ("data_hash", "two\nlines"), ("control_quantiles", {}), ("parent", 5),
        ("commit", "two\nlines"), ("recipe_name", 7), ("stages", "prior"), ("stages", [{"recipe": "prior"}]),
    ],
)  # fmt: skip
def test_a_damaged_description_hides_no_other_model(
    trained_runs: dict[str, Path], tmp_path: Path, key: str, value: object
) -> None:
    for name in ("good", "damaged"):
        shutil.copytree(trained_runs["prior"], tmp_path / name)
    path = sorted((tmp_path / "damaged" / "checkpoints").glob("*.json"))[-1]
    text = json.dumps(json.loads(path.read_text()) | {key: value, "sha256": "0" * 64}).encode()
    fitting = hashlib.sha256(text + path.with_suffix(".safetensors").read_bytes()).hexdigest()
    path.write_bytes(text.replace(b"0" * 64, fitting.encode(), 1))
    found = api.list_models([tmp_path])
    assert [row.name for row in found.models] == ["warehouse", "good"]
    (unreadable,) = found.unreadable
    assert unreadable.path == str(tmp_path / "damaged")
    assert str(tmp_path / "damaged") in unreadable.reason
    assert "hash differs" not in unreadable.reason
    assert unreadable.reason.isprintable()


@pytest.mark.parametrize("content", [b"[]", b"{", b"[" * 100_000, b"\xff", b'{"step": 1' + b"0" * 5000 + b"}", b""])
def test_what_is_no_description_hides_no_other_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "damaged" / "checkpoints").mkdir(parents=True)
    (tmp_path / "damaged" / "checkpoints" / "step-00000001.json").write_bytes(content)
    found = api.list_models([tmp_path])
    assert [row.name for row in found.models] == ["warehouse"]
    assert [row.path for row in found.unreadable] == [str(tmp_path / "damaged")]


def test_a_folder_that_cannot_be_read_hides_no_other_model(
    trained_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained_runs["prior"], tmp_path / "good")
    (tmp_path / "private").mkdir()
    listed = Path.iterdir

    def refuse(folder: Path) -> object:
        if folder.name == "private":  # the superuser of a test may read everything
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = api.list_models([tmp_path])
    assert [row.name for row in found.models] == ["warehouse", "good"]
    assert found.unreadable[0].reason == f"{tmp_path / 'private'}: cannot be read (Permission denied)"


def test_an_exported_model_is_one_of_two_parts(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    api.export(trained_runs["prior"], str(trained_runs["decoder"]), tmp_path / "mine")
    row = next(row for row in api.list_models([tmp_path]).models if row.name == "mine")
    assert (row.kind, row.family, row.steps) == ("folder", "flow + magnitude_decoder", (3, 3))


def test_the_command_prints_tables_or_json(trained_runs: dict[str, Path], capsys, monkeypatch) -> None:
    runs = trained_runs["prior"].parent
    code, out, _ = run(capsys, monkeypatch, "models", runs, "--recipes", RECIPES, "--json")
    assert code == 0
    assert set(json.loads(out)) == {"families", "models", "unreadable"}
    code, out, _ = run(capsys, monkeypatch, "models", runs)
    assert code == 0
    assert "warehouse" in out
    assert str(trained_runs["decoder"]) in out
    assert "flow-matching transformer" in out


def test_a_bare_folder_lists_what_the_package_has(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, monkeypatch, "models", "--json")
    assert (code, err) == (0, "")
    assert "prior" in [name for row in json.loads(out)["families"] for name in row["recipes"]]


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_damaged_newest_checkpoint_is_not_what_is_listed(
    trained_runs: dict[str, Path], tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One changed digit that could be right: only the hash over both halves gives it away."""
    run = Path(shutil.copytree(trained_runs["prior"], tmp_path / "prior"))
    saved = checkpoint.load_latest(run)
    path = checkpoint.save(run, 4, saved.tensors, saved.meta | {"elapsed": 1.0}).with_suffix(suffix)
    path.write_bytes(path.read_bytes().replace(b'"elapsed": 1.0', b'"elapsed": 7.0') + b" " * (suffix != ".json"))
    (row,) = [row for row in api.list_models([tmp_path]).models if row.kind == "run"]
    assert row.steps == (3,)
    assert caplog.messages[-1].endswith("is damaged (its hash differs); step 3 is used instead")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none: is not a folder"):
        api.list_models([tmp_path / "none"])
