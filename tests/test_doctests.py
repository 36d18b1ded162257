"""The public names are documented alike, and the examples in their docstrings run."""

import doctest
import importlib
import inspect
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fourfloor as ff

MODULES = [
    "arguments", "api.generate", "api.loops", "api.model", "api.models", "producer.producing",
    "verbs.arrange", "verbs.edit", "verbs.ingest", "verbs.judge", "verbs.pack", "verbs.train",
]  # fmt: skip


def public_calls() -> dict[str, Callable[..., object]]:
    calls: dict[str, Callable[..., object]] = {}
    for name in ff.__all__:
        public = getattr(ff, name)
        if inspect.isfunction(public):
            calls[name] = public
        elif inspect.isclass(public):
            methods = {key: value for key, value in vars(public).items() if inspect.isfunction(value)}
            calls |= {f"{name}.{key}": value for key, value in methods.items() if not key.startswith("_")}
    return calls


@pytest.mark.parametrize("name", public_calls())
def test_a_public_call_says_what_goes_in_and_comes_out(name: str) -> None:
    call = public_calls()[name]
    text = inspect.getdoc(call) or ""
    parameters = [key for key in inspect.signature(call).parameters if key != "self"]
    missing = [key for key in parameters if key not in text.partition("Args:")[2].partition("\nReturns:")[0]]
    assert missing == []
    if name.endswith(".to_json"):
        return
    returns = "Yields:" if "Yields:" in text else "Returns:"
    for section in (returns, "Example:", *(["Raises:"] if parameters else [])):
        assert f"\n{section}\n" in text, section


def test_public_calls_take_keywords_and_every_module_with_one_is_listed() -> None:
    calls = public_calls()
    modules = {call.__module__.removeprefix("fourfloor.") for call in calls.values() if ">>>" in (call.__doc__ or "")}
    assert modules <= set(MODULES)
    for name, call in calls.items():
        kinds = [parameter.kind for parameter in inspect.signature(call).parameters.values()]
        assert inspect.Parameter.VAR_KEYWORD not in kinds, name
        assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 2, name


@pytest.fixture
def folders(
    dataset_folder: Path,
    trained_runs: dict[str, Path],
    make_house_loop: Callable[..., np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lay what the examples use into the current folder: music/, data/mine, runs/prior and runs/decoder."""
    shutil.copytree(dataset_folder, tmp_path / "data" / "mine")
    for name, run in trained_runs.items():
        shutil.copytree(run, tmp_path / "runs" / name)
    (tmp_path / "music").mkdir()
    for number, bpm in enumerate((124, 128)):
        track = np.concatenate([make_house_loop(bpm, 2, seed=10 * number + part) for part in range(4)], axis=1)
        soundfile.write(tmp_path / "music" / f"{number}.wav", track.T, 44_100)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_right(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"fourfloor.{name}"), optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert result.failed == 0


def test_the_page_of_the_api_is_up_to_date() -> None:
    script = runpy.run_path(str(Path(__file__).resolve().parents[1] / "scripts" / "api_page.py"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](), "run `make api`"
