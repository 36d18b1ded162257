"""What a visitor sees before installing anything: pages that point at files which exist, and nothing outside."""

import re
from pathlib import Path

import numpy as np
import pytest

from fourfloor.loading import PRIOR_FILE, load_trained

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if path.name != "log.md")


def test_the_listening_page_plays_small_files_and_asks_for_nothing_outside() -> None:
    page = (ROOT / "docs/listen/index.html").read_text()
    sources = re.findall(r'src="([^"]+)"', page)
    assert len(sources) == 8
    assert {path.name for path in (ROOT / "docs/listen").glob("*.ogg")} == set(sources)
    assert all((ROOT / "docs/listen" / source).stat().st_size <= 200_000 for source in sources)
    assert "//" not in re.sub(r"<!doctype[^>]*>", "", page)  # no address of another place
    assert page.count("<pre>fourfloor generate --model warehouse ") == 8


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["loop"].waveform.shape == (2, 336_000)
    assert names["loop"].faults == ()
    assert (tmp_path / "loop.wav").stat().st_size > 336_000 * 6


def test_the_graphs_run_without_fourfloor_as_their_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs/graphs.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["x"].shape == (1, 128, 84)
    assert 0.7 < names["x"].std() < 1  # latents, no longer noise
    folder = ROOT / names["FOLDER"]
    given = {"x": names["x"], "t": np.array([0.5], np.float32), **names["given"]}
    ours = load_trained(folder / PRIOR_FILE).networks.functions["velocity"](**given)
    assert all(np.array_equal(*pair) for pair in zip(ours, names["velocity"].run(None, given), strict=True))
    for part, graph in (("prior", "velocity"), ("prior", "bass"), ("decoder", "decode")):
        session = names["session"](part, graph)
        row = re.search(rf"\| {part}, `{graph}` \| (.*) \| (.*) \|", page)
        assert row
        for told, there in zip(row.groups(), (session.get_inputs(), session.get_outputs()), strict=True):
            assert re.findall(r"`(\w+)`", told) == [one.name for one in there]
