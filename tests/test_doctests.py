"""The examples in the docstrings of the public names run."""

import doctest
import importlib
from pathlib import Path

import pytest

MODULES = [
    "arguments", "api.generate", "api.loops", "api.model", "verbs.ingest", "verbs.judge", "verbs.train",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_right(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(f"fourfloor.{name}"))
    assert result.attempted
    assert result.failed == 0


def test_the_page_of_the_api_is_up_to_date() -> None:
    import runpy

    script = runpy.run_path(str(Path(__file__).resolve().parents[1] / "scripts" / "api_page.py"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](), "run `make api`"
