"""The wheel holds everything that a command needs, and runs from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fourfloor import recipes

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as an installer would; skip where the build backend is not installed."""
    pytest.importorskip("hatchling", reason="hatchling is not installed; make test installs it")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_what_commands_need(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    assert {f"fourfloor/recipes/{name}.toml" for name in recipes.names()} <= set(names)
    parts = (
        "CARD.md",
        "prior.json",
        "prior.safetensors",
        "decoder.json",
        "decoder.safetensors",
        "reference.safetensors",
        "cells.safetensors",
    )
    assert {f"fourfloor/bundled/warehouse/{part}" for part in parts} <= set(names)
    networks = [f"fourfloor/bundled/editing/{name}/prior" for name in ("separator", "transcriber")]
    assert {f"{name}{end}" for name in networks for end in (".json", ".safetensors")} <= set(names)
    assert "fourfloor/copies/vocabulary.safetensors" in names
    pages = sorted(path.name for path in (ROOT / "src" / "fourfloor" / "pages").glob("*.html"))
    assert {f"fourfloor/pages/{name}" for name in pages} <= set(names)
    assert "scorecard.html" in pages
    assert "fourfloor/py.typed" in names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"fourfloor"}
    assert not [name for name in names if name.endswith((".pyc", ".wav"))]


def test_the_unpacked_wheel_lists_its_recipes_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "fourfloor", "models", "--json"], cwd=tmp_path / "elsewhere", capture_output=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}, encoding="utf-8", check=True,
    )  # fmt: skip
    assert '"adapt"' in done.stdout
    assert str(tmp_path / "site" / "fourfloor" / "bundled" / "warehouse") in done.stdout
