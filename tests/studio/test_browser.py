"""The page in a real browser: a loop's whole life, the transport counted sample by sample, and what it looks like."""

import io
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from .conftest import Studio
from .looking import faults, until, waited_for

SIZES = [(375, 800), (1280, 900), (1920, 1080)]
EVIL = '<img src=x onerror="window.evil=1">'


def test_the_life_of_a_loop(page: Any, studio: Studio) -> None:
    before = page.locator(".card").count()
    page.select_option("select[name=bars]", "1")
    page.fill("input[name=count]", "1")
    page.click("#make button[type=submit]")
    until(page, f"document.querySelectorAll('.card').length > {before}")
    page.locator("#loops").focus()
    page.keyboard.press("j")  # the first card
    name = page.evaluate("document.activeElement.dataset.id")
    until(page, f"fourfloor.transport?.place('{name}') > 0")  # the first loop of a request is heard at once
    page.keyboard.press(" ")
    until(page, "fourfloor.transport.tracks.size === 0")
    page.keyboard.press(" ")
    until(page, f"fourfloor.transport.place('{name}') > 0")
    page.keyboard.press("l")
    page.wait_for_selector(f".card[data-id='{name}'] .love[aria-pressed=true]")
    page.locator(f".card[data-id='{name}'] .tag-input").fill(EVIL)
    page.keyboard.press("Enter")
    page.wait_for_selector(f".card[data-id='{name}'] .tag")
    page.reload()
    card = page.locator(f".card[data-id='{name}']")
    assert card.locator(".tag").text_content() == EVIL + " \u00d7"
    assert card.locator(".love").get_attribute("aria-pressed") == "true"
    assert page.evaluate("window.evil") is None
    card.locator(".more").click()
    page.get_by_role("menuitem", name="Delete").click()
    card.wait_for(state="detached")
    page.get_by_role("button", name="Undo").click()
    card.wait_for()
    card.focus()
    page.keyboard.press("Delete")
    card.wait_for(state="detached")
    page.keyboard.press("z")
    card.wait_for()


def test_a_region_is_chosen_and_redone_and_the_rest_stays(page: Any, studio: Studio) -> None:
    name = page.locator(".card", has=page.locator("small", has_text="1 bar")).first.get_attribute("data-id")
    card = page.locator(f".card[data-id='{name}']")
    card.scroll_into_view_if_needed()
    waveform = f"document.querySelector(\".card[data-id='{name}'] .wave div\")"
    until(page, f"{waveform}?.shadowRoot?.querySelector('canvas') instanceof HTMLCanvasElement")
    box = card.locator(".wave").bounding_box()
    page.mouse.move(box["x"] + 0.52 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 20, steps=5)
    page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 20, steps=5)
    page.mouse.up()
    assert card.locator(".redo").text_content() == "Redo beats 3-4"
    before_it = {row["id"] for row in studio.client.get("/api/loops").json()}
    card.locator(".redo").click()
    made = waited_for(lambda: [row for row in studio.client.get("/api/loops").json() if row["id"] not in before_it])
    before, after = (
        soundfile.read(io.BytesIO(studio.client.get(f"/api/loops/{each}/audio").content))[0]
        for each in (name, made[0]["id"])
    )
    near, half = 882, len(before) // 2
    assert np.array_equal(before[near : half - near], after[near : half - near])
    assert not np.array_equal(before[half + near :], after[half + near :])


def test_two_tabs_see_the_same(page: Any, studio: Studio) -> None:
    other = page.context.new_page()
    other.goto(studio.address)
    name = other.locator(".card").first.get_attribute("data-id")
    was = page.locator(f".card[data-id='{name}'] .love").get_attribute("aria-pressed")
    other.locator(f".card[data-id='{name}'] .love").click()
    now = "false" if was == "true" else "true"
    page.wait_for_selector(f".card[data-id='{name}'] .love[aria-pressed={now}]")
    other.close()


def test_a_loop_is_dragged_out_under_its_name(page: Any) -> None:
    dragged = page.evaluate(
        """() => {
          const data = new DataTransfer();
          document.querySelector('.drag').dispatchEvent(new DragEvent('dragstart', { dataTransfer: data }));
          return data.getData('DownloadURL');
        }"""
    )
    kind, name, address = dragged.split(":", 2)
    assert (kind, name.endswith(".wav"), address.startswith("http://127.0.0.1")) == ("audio/wav", True, True)
    with page.expect_download() as download:
        page.locator(".drag").first.click()
    assert download.value.suggested_filename == name


def test_garbage_is_named_and_breaks_nothing(page: Any) -> None:
    page.click("[data-view=tracks]")
    page.set_input_files("#files", {"name": f"{EVIL}.txt", "mimeType": "text/plain", "buffer": b"no audio"})
    page.locator(".toast", has_text="is not an audio file").wait_for()
    assert page.evaluate("window.evil") is None


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
def test_everybody_can_use_it_at_every_size(page: Any, size: tuple[int, int], theme: str) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    for view in ("grid", "map", "tracks", "loops"):
        page.click(f"[data-view={view}]")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert faults(page) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everybody_can_use_its_dialogs(page: Any, studio: Studio, theme: str) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.emulate_media(color_scheme=theme)
    opened = {"o": None, "h": "#history", "d": "#deleted", "?": "#keys"}
    for key, dialog in opened.items():
        page.locator(".card").first.focus()
        page.keyboard.press(key)
        page.locator(f"{dialog}[open]" if dialog else "#menu:popover-open").wait_for()
        assert faults(page) == []
        page.keyboard.press("Escape")
        page.locator("[open], :popover-open").wait_for(state="detached")
    for entry, dialog in (("Play slices on keys", "#slices"), ("Play its drums", "#kit"), ("Rename", "#rename")):
        page.locator(".card .more").first.click()
        page.get_by_role("menuitem", name=entry).click()
        page.locator(f"{dialog}[open]").wait_for()
        assert faults(page) == []
        page.keyboard.press("Escape")


def test_the_page_outlives_the_server(empty_page: Any, tmp_path: Path) -> None:
    first, page = Studio(tmp_path / "library"), empty_page
    port = first.address.rstrip("/").rpartition(":")[2]
    page.goto(first.address)
    until(page, "document.getElementById('count').textContent !== ''")
    first.stop(signal.SIGKILL)
    until(page, "document.getElementById('connection').textContent !== ''")
    second = Studio(tmp_path / "library", port)
    try:
        until(page, "document.getElementById('connection').textContent === ''")
    finally:
        page.goto("about:blank")  # the server waits for its visitors
        second.stop()


def test_it_sends_little_and_asks_no_other_machine(page: Any, studio: Studio) -> None:
    timing = json.loads(page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])"))
    requests = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all(address.startswith(studio.address) for address in requests)
    assert timing["transferSize"] < 20_000
