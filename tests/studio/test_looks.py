"""What the page looks like beside its fullest state: messages, an empty library, a curve, a theme that changes."""

from pathlib import Path
from typing import Any

import pytest

from .conftest import Studio
from .looking import LIMIT_SECONDS, faults, until

WAVES = "[...document.querySelectorAll('.card')].map((card) => card.surfer?.options.waveColor).filter(Boolean)"
CURVE = """
async (points) => {
  document.getElementById('watch').hidden = false;
  const { drawCurve } = await import('/page/curve.js');
  const svg = document.getElementById('curve');
  drawCurve(svg, points);
  const box = svg.getBoundingClientRect();
  const size = (text) => Math.round(text.getBoundingClientRect().height);
  return {
    ends: Math.round(box.right - svg.querySelector('polyline').getBoundingClientRect().right),
    texts: [...svg.querySelectorAll('text')].map(size),
    outside: [...svg.querySelectorAll('text')].filter((text) => text.getBoundingClientRect().left < box.left).length,
  };
}
"""
JOB = {"kind": "generate", "count": 64, "bars": 1, "seed": "1"}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_message_with_undo_can_be_read(page: Any, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    loop = page.locator(".card").first.get_attribute("data-id")
    page.locator(".card").first.focus()
    page.keyboard.press("Delete")
    undo = page.locator(".toast button", has_text="Undo")
    undo.hover()  # a message that somebody points at stays
    assert faults(page) == []
    undo.click()
    page.locator(f".card[data-id='{loop}']").wait_for(timeout=LIMIT_SECONDS * 1000)


def test_the_button_that_stops_a_loop_says_so(page: Any) -> None:
    button = page.locator(".card .play").first
    name = button.get_attribute("aria-label").removeprefix("Play ")
    button.click()
    page.locator(".card .play", has_text="■").wait_for()
    assert button.get_attribute("aria-label") == f"Stop {name}"
    page.locator(".card").nth(1).get_by_role("button", name="+ Mix").click()
    until(page, "fourfloor.transport.tracks.size === 2")
    assert button.text_content() == "▶"  # beside another loop it plays alone
    page.locator("#play").click()
    assert page.locator(".card .play", has_text="■").count() == 0


def test_waveforms_follow_the_theme(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    until(page, f"{WAVES}.length >= 2")
    for color in ("#a996d6", "#6a51a8", "#a996d6"):  # more of them may be drawn meanwhile
        assert set(page.evaluate(WAVES)) == {color}
        page.click("#theme")


@pytest.mark.parametrize("width", [375, 1280])
def test_a_curve_is_as_wide_as_its_place_and_its_numbers_as_large_as_others(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.click("[data-view=tracks]")
    drawn = page.evaluate(CURVE, [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}])
    assert drawn["ends"] in (11, 12)
    assert drawn["outside"] == 0
    assert {round(size / 4) for size in drawn["texts"]} == {4}  # 14 to 17 pixels


def test_a_clip_is_taken_off_the_grid_by_mouse(page: Any, studio: Studio) -> None:
    loop = page.locator(".card").first.get_attribute("data-id")
    studio.client.put("/api/grid/31", json={"loop": loop}).raise_for_status()
    page.click("[data-view=grid]")
    pad = page.locator(".place", has=page.locator("[data-key='31']"))
    pad.locator(".label").wait_for()
    pad.hover()
    pad.get_by_role("button", name="Empty column 8, row 4").click()
    page.locator(".pad.empty[data-key='31']").wait_for()
    assert "31" not in studio.client.get("/api/state").json()["grid"]


def test_a_loop_is_renamed_while_it_plays(page: Any, studio: Studio) -> None:
    loop = page.locator(".card").first.get_attribute("data-id")
    card = page.locator(f".card[data-id='{loop}']")
    before = card.locator(".name").text_content()
    card.locator(".play").click()
    until(page, "fourfloor.transport?.tracks.size === 1")
    card.locator(".more").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.locator("#rename[open]").wait_for()
    begun = page.evaluate("fourfloor.transport.frame")
    page.keyboard.type("My name <b>")
    until(page, f"fourfloor.transport.frame > {begun} + 5 * 44100")  # more than is scheduled ahead
    assert page.evaluate(f"fourfloor.transport.place('{loop}')") is not None
    page.keyboard.press("Enter")
    page.locator(".card .name", has_text="My name <b>").wait_for()
    page.locator("h1").click()
    page.keyboard.press("z")
    page.locator(f".card[data-id='{loop}'] .name", has_text=before).wait_for()


def test_a_message_that_is_said_again_stands_once(page: Any) -> None:
    page.evaluate("import('/page/dom.js').then(({ toast }) => ['one', 'two', 'one'].forEach((text) => toast(text)))")
    until(page, "document.querySelectorAll('.toast').length === 2")
    assert page.locator(".toast").all_text_contents() == ["two", "one"]


def test_what_must_be_seen_is_in_view_on_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.evaluate("document.getElementById('connection').textContent = 'The studio does not answer; trying again'")
    tops = page.evaluate("['theme', 'help'].map((id) => document.getElementById(id).getBoundingClientRect().top)")
    assert tops[0] == tops[1]
    page.locator(".card .more").last.click()
    page.get_by_role("menuitem", name="Morph to another loop").click()
    page.locator(".card").last.scroll_into_view_if_needed()
    place = page.locator("#notice").bounding_box()
    assert 0 < place["y"] < 200


def test_jobs_in_line_differ(page: Any, studio: Studio) -> None:
    asked = [studio.ask(**JOB, style="trance", bpm=140.0), studio.ask(**JOB, style="deep house", bpm=122.0)]
    for name in ("Loops, trance, 140 BPM", "Loops, deep house, 122 BPM"):
        page.locator(".job", has_text=name).wait_for(timeout=LIMIT_SECONDS * 1000)
    for job in asked[::-1]:
        studio.client.delete(f"/api/jobs/{job['id']}")
        studio.wait(job["id"])


def test_filters_that_hide_all_loops_say_so(page: Any) -> None:
    page.fill("#search", "no loop has this name")
    assert "Clear the search and the filters" in page.locator("#count").text_content()
    page.fill("#search", "")
    assert "Clear" not in page.locator("#count").text_content()


def test_an_empty_library_says_what_to_do(empty_page: Any, tmp_path: Path) -> None:
    page, studio = empty_page, Studio(tmp_path / "library")
    try:
        page.goto(studio.address)
        until(page, "document.getElementById('count').textContent.startsWith('No loops yet')")
        page.click("[data-view=map]")
        page.get_by_text("No loops yet: make some first.").wait_for()
        assert page.locator("#map").is_hidden()
        page.click("[data-view=tracks]")
        assert page.locator("#train [name=dataset]").text_content() == "Cut tracks into loops first"
    finally:
        page.goto("about:blank")  # the server waits for its visitors
        studio.stop()
