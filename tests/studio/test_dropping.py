"""Files and folders that are dropped on the page, as the browser drops them from a file manager."""

from pathlib import Path
from typing import Any

import pytest

from fourfloor.studio.uploads import LONGEST_NAME, safe_name

from .conftest import Studio
from .looking import until

FILES = 104  # more than a browser lists at a time


def drop(page: Any, place: str, *paths: Path) -> None:
    """Drop files of this machine on a place of the page."""
    box = page.locator(place).bounding_box()
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + min(40, box["height"] / 2)}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def album(folder: Path) -> Path:
    """Write a folder of many files, with folders in it, and return it."""
    place = folder / "album"
    for name in ("one/1 start.wav", "one/deep/er/1 start.wav", "two/1 start.wav", "two/<b>2.flac", "cover.jpg"):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
    for number in range(FILES):
        (place / "one" / f"track {number}.wav").write_bytes(b"RIFF")
    for number in range(5):
        (place / f"list {number}.txt").write_bytes(b"hello")
    return place


def test_a_folder_is_dropped_with_all_that_is_in_it(page: Any, studio: Studio, tmp_path: Path) -> None:
    before = set((studio.place / "uploads").iterdir())
    page.click("[data-view=tracks]")
    drop(page, "#drop", album(tmp_path))
    page.locator(f"#drop[data-state^='{FILES + 4} of {FILES + 10} files are here']").wait_for()
    (upload,) = set((studio.place / "uploads").iterdir()) - before
    names = {path.name for path in upload.iterdir()}
    assert len(names) == FILES + 4
    assert {f"track {FILES - 1}.wav", "_b_2.flac", "album - one - deep - er - 1 start.wav"} < names
    said = page.locator(".toast").all_text_contents()
    assert said[0] == "cover.jpg: is not an audio file"
    assert said[-1] == "3 other files are not used either."
    assert len(said) == 4


def test_a_folder_of_loops_is_dropped_on_the_list(page: Any, tmp_path: Path) -> None:
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "broken.wav").write_bytes(b"RIFF")
    drop(page, ".filters", tmp_path / "loops")
    page.locator(".job.failed", has_text="broken.wav").wait_for()


@pytest.mark.parametrize("place", ["header.top", "#transport"])
def test_a_file_that_misses_its_place_leaves_the_page_as_it_is(page: Any, tmp_path: Path, place: str) -> None:
    (tmp_path / "missed.txt").write_text("hello")
    page.evaluate("addEventListener('drop', (event) => { window.kept = event.defaultPrevented; })")
    drop(page, place, tmp_path / "missed.txt")
    until(page, "window.kept")


def test_long_names_that_begin_alike_stay_two() -> None:
    first, second = (safe_name(f"{'ä' * 200} {number}.wav") for number in (1, 2))
    assert first != second
    assert len(first.encode()) <= LONGEST_NAME + 4
