"""What a producer does on the page beside making loops: parts, versions, own files, the grid, the map, slices."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from .conftest import Studio
from .looking import until, waited_for

EVIL = '<img src=x onerror="window.evil=1">'
DROP = """
([place, name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const event = (kind) => new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector(place).dispatchEvent(event('dragover'));
  document.querySelector(place).dispatchEvent(event('drop'));
}
"""
SHIFTS = """
() => new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries())).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve([]), 200);
}).then((entries) => entries.filter((entry) => !entry.hadRecentInput).map((entry) => [
  entry.value, entry.sources.map(({ node }) => node?.id || node?.className || node?.nodeName).join(),
]))
"""
DRAGGED = """
(element) => {
  const data = new DataTransfer();
  element.dispatchEvent(new DragEvent('dragstart', { dataTransfer: data }));
  return data.getData('DownloadURL');
}
"""


def made(studio: Studio) -> list[dict[str, Any]]:
    """List the loops that were generated, the oldest first."""
    return [row for row in studio.client.get("/api/loops").json() if row["verb"] == "generate"][::-1]


def card(page: Any, loop: str) -> Any:
    return page.locator(f".card[data-id='{loop}']")


def wait_for_a_clip(studio: Studio, loop: str) -> None:
    waited_for(lambda: loop in studio.client.get("/api/state").json()["grid"].values())


def choose(page: Any, loop: str, what: str) -> None:
    """Choose something from the menu of a loop."""
    card(page, loop).locator(".more").click()
    page.get_by_role("menuitem", name=what).click()


def test_stems_and_midi_are_made_heard_and_dragged_out(page: Any, studio: Studio) -> None:
    loop = made(studio)[1]  # the first one has its stems from another test
    choose(page, loop["id"], "Split into stems")
    choose(page, loop["id"], "Write drums and bass as MIDI")
    for kind, ending in (("kick", "_kick.wav"), ("MIDI", ".mid")):
        link = card(page, loop["id"]).get_by_role("link", name=kind)
        link.wait_for()
        _, name, address = link.evaluate(DRAGGED).split(":", 2)
        assert name == f"{loop['title']}{ending}"
        assert studio.client.get(address).status_code == 200
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == name
    card(page, loop["id"]).get_by_role("button", name="Stems").click()
    sounding = card(page, loop["id"]).locator(".parts a").count() - 1  # silent stems are left out
    until(page, f"fourfloor.transport?.tracks.size === {sounding}")
    starts = page.evaluate("[...fourfloor.transport.tracks.values()].map((track) => track.from)")
    assert len(set(starts)) == 1
    page.get_by_role("button", name="Mute kick of").click()
    assert page.evaluate(f"fourfloor.transport.tracks.get('{loop['id']}/kick').gain.gain.value") == 0


def test_what_was_made_of_a_loop_shows_the_name_it_was_given(page: Any, studio: Studio) -> None:
    source = made(studio)[0]["id"]
    job = studio.ask(kind="vary", loop=source, amount=0.2, count=1, seed="11")
    assert studio.wait(job["id"])["state"] == "done"
    name = page.locator(f".card[data-id='{job['id']}-0'] .name")
    name.get_by_text("Like", exact=False).wait_for()
    studio.client.patch(f"/api/loops/{job['id']}-0", json={"title": "Night bus"}).raise_for_status()
    name.get_by_text("Night bus", exact=True).wait_for()


def test_own_files_are_dropped_and_become_loops_and_garbage_is_named(page: Any, studio: Studio) -> None:
    file = io.BytesIO()
    samples = 0.4 * np.sin(np.arange(88_200) / 44_100 * 2 * np.pi * 55)
    soundfile.write(file, np.stack([samples, samples], 1), 44_100, format="WAV")
    page.evaluate(DROP, ["#view-loops", f"{EVIL}.wav", list(file.getvalue())])
    name = f"{EVIL}.wav".replace("<", "_").replace(">", "_").replace('"', "_").removesuffix(".wav")
    page.get_by_role("heading", name=name).wait_for()
    page.evaluate(DROP, ["#view-loops", "garbage.wav", list(b"RIFF no audio")])
    page.locator(".job.failed", has_text="garbage.wav").wait_for()
    assert page.evaluate("window.evil") is None
    row = next(row for row in studio.client.get("/api/loops").json() if row["verb"] == "import")
    card(page, row["id"]).get_by_role("button", name="More like this").click()
    page.locator(".card h2", has_text=f"Like {name}").first.wait_for()


def test_versions_are_compared_where_they_are_and_listed_as_a_tree(page: Any, studio: Studio) -> None:
    loop = made(studio)[0]["id"]
    job = studio.ask(kind="vary", loop=loop, amount=0.3, count=2, seed="7")
    assert studio.wait(job["id"])["state"] == "done"
    child = f"{job['id']}-0"
    card(page, child).focus()
    page.keyboard.press("b")
    until(page, f"fourfloor.transport?.place('{child}') > 0")
    page.keyboard.press("b")
    until(page, f"fourfloor.transport.place('{loop}') > 0")
    assert page.evaluate("[...fourfloor.transport.tracks.keys()]") == [loop]
    page.keyboard.press("h")
    tree = page.locator("#tree")
    tree.locator("> li > ul > li").nth(1).wait_for()
    assert tree.locator("> li").count() == 1
    assert tree.locator(".shown").count() == 1
    tree.locator(".shown").get_by_role("button", name="Play").click()
    until(page, f"fourfloor.transport.place('{child}') > 0")
    tree.locator(".shown").get_by_role("button", name="Love").click()
    tree.locator(".shown .love[aria-pressed=true]").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    card(page, child).locator(".love[aria-pressed=false]").wait_for(state="attached")


def test_clips_start_on_a_bar_line_one_a_column_and_every_tab_sees_the_grid(page: Any, studio: Studio) -> None:
    first, second = (row["id"] for row in made(studio)[:2])
    for loop in (first, second):
        card(page, loop).focus()
        page.keyboard.press("p")
        wait_for_a_clip(studio, loop)
    other = page.context.new_page()
    other.goto(f"{studio.address}#/grid")
    page.keyboard.press("2")
    for tab in (page, other):
        until(tab, "document.querySelectorAll('.pad:not(.empty)').length === 2")
    pads = page.locator(".pad:not(.empty)")
    pads.nth(0).click()
    until(page, f"fourfloor.transport?.place('{first}') > 0")
    pads.nth(1).click()
    until(page, "fourfloor.transport.tracks.size === 2")
    bar = """(() => {
      const { tracks, master } = fourfloor.transport;
      return ([...tracks.values()].at(-1).from - master.start) / (master.frames / master.bars);
    })()"""
    assert page.evaluate(bar) == pytest.approx(round(page.evaluate(bar)), abs=1e-4)
    page.locator(".pad").nth(0).focus()
    page.keyboard.press("Delete")
    until(other, "document.querySelectorAll('.pad:not(.empty)').length === 1")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.key") == "1"
    other.close()


def test_the_map_and_the_search_by_likeness_show_all_loops(page: Any, studio: Studio) -> None:
    loop = made(studio)[0]["id"]
    count = len(studio.client.get("/api/loops").json())
    page.keyboard.press("3")
    page.locator(".dot").first.wait_for()
    assert page.locator(".dot").count() == count
    page.locator(f"[data-dot='{loop}']").press("Enter")  # another dot may lie on it
    until(page, f"fourfloor.transport?.place('{loop}') > 0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Show it").click()
    choose(page, loop, "Show similar loops")
    page.locator("#notice", has_text="most similar one first").wait_for()
    shown = page.evaluate("[...document.querySelectorAll('.card')].map((made) => made.dataset.id)")
    assert shown == [loop, *studio.client.get(f"/api/loops/{loop}/similar").json()]
    page.get_by_role("button", name="Show all loops").click()
    assert page.locator("#notice").is_hidden()


def test_slices_are_played_by_keys(page: Any, studio: Studio) -> None:
    choose(page, made(studio)[0]["id"], "Play slices on keys")
    page.locator("#slices[open]").wait_for()
    page.keyboard.press("q")
    page.locator("#pads .hit[data-slice='4']").wait_for()
    page.keyboard.press("Escape")
    page.locator("#slices[open]").wait_for(state="detached")


def test_a_loop_is_morphed_to_another_one_that_is_chosen(page: Any, studio: Studio) -> None:
    before = sum(row["verb"] == "morph" for row in studio.client.get("/api/loops").json())
    first, second = (row["id"] for row in made(studio)[:2])
    choose(page, first, "Morph to another loop")
    assert card(page, first).locator(".target").is_hidden()
    card(page, second).get_by_role("button", name="Morph to this one").click()
    waited_for(lambda: sum(row["verb"] == "morph" for row in studio.client.get("/api/loops").json()) == before + 5)
    page.locator(".card h2", has_text="Morph of").first.wait_for()


def test_the_nearest_training_music_plays_in_place_of_the_loop(page: Any, studio: Studio) -> None:
    rows = [row for row in made(studio) if row["nearest"].startswith("produced-")]
    loop = rows[0]["id"]
    card(page, loop).get_by_role("button", name="Hear it").click()
    until(page, f"fourfloor.transport?.place('{loop}/passage') > 0")
    card(page, loop).get_by_role("button", name="Hear it").click()
    until(page, f"fourfloor.transport.place('{loop}') > 0")


def test_the_shown_loops_are_packed(page: Any, studio: Studio) -> None:
    page.fill("#search", f"warehouse {made(studio)[0]['seed']}")
    page.click("#pack")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


def test_one_shots_that_are_not_there_are_said(page: Any, studio: Studio) -> None:
    choose(page, made(studio)[0]["id"], "Play its drums by my one-shots")
    page.fill("#kit-form [name=kit]", "/no/such/folder")
    page.get_by_role("button", name="Play it").click()
    page.locator(".job.failed", has_text="/no/such/folder").wait_for()


@pytest.mark.parametrize("width", [375, 1280, 1920])
def test_nothing_moves_while_the_page_opens(page: Any, studio: Studio, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    page.wait_for_selector(".card")
    page.wait_for_timeout(700)
    moved = page.evaluate(SHIFTS)
    assert sum(shift for shift, _ in moved) < 0.01, moved
