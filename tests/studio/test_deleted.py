"""The list of deleted loops: each is heard and restored, in every tab."""

import re
from typing import Any

from .conftest import Studio
from .looking import faults, until
from .slow import Slow, card


def test_deleted_loops_are_listed_heard_and_restored(page: Any, studio: Studio, two: list[str]) -> None:
    for loop in two:
        studio.client.delete(f"/api/loops/{loop}").raise_for_status()
        card(page, loop).wait_for(state="detached")
    page.reload()  # the page no longer knows them
    page.locator("#count", has_text="loops").wait_for()
    page.keyboard.press("d")
    rows = page.locator("#deleted-loops li")
    rows.nth(1).wait_for()
    titles = [page.locator("#deleted-loops li span").nth(number).text_content() for number in range(2)]
    assert len(set(titles)) == 2
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        assert faults(page) == []
    rows.nth(0).get_by_role("button", name="Play").click()
    until(page, f"fourfloor.transport?.place('{two[1]}') > 0")  # it was deleted last
    rows.nth(0).get_by_role("button", name="Restore").click()
    card(page, two[1]).wait_for(state="attached")
    page.locator("#deleted-loops span", has_text=re.compile(re.escape(titles[0]))).wait_for(state="detached")
    studio.client.post(f"/api/loops/{two[0]}/restore").raise_for_status()  # another tab does
    page.locator("#deleted-about", has_text="No loop is deleted").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    card(page, two[1]).wait_for(state="detached")
    page.keyboard.press("y")
    card(page, two[1]).wait_for()


def test_a_loop_is_restored_once_however_often_it_is_asked_for(page: Any, studio: Studio, two: list[str]) -> None:
    studio.client.delete(f"/api/loops/{two[0]}").raise_for_status()
    card(page, two[0]).wait_for(state="detached")
    page.locator("#show-deleted").click()
    slow = Slow(page, "POST", f"/api/loops/{two[0]}/restore$")
    for _ in range(2):
        page.get_by_role("button", name="Restore").first.click()
    slow.wait()
    slow.let_go()
    card(page, two[0]).wait_for(state="attached")
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    card(page, two[0]).wait_for(state="detached")
    page.keyboard.press("z")
    page.locator(".toast", has_text="nothing to undo").wait_for()
