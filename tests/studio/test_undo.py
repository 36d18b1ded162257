"""Undo and redo: in any order of clicks, keys, events and answers."""

from typing import Any

from .conftest import Studio
from .slow import Slow, card, row


def love(page: Any, loop: str, pressed: bool) -> Any:
    return card(page, loop).locator(f".love[aria-pressed={str(pressed).lower()}]")


def test_what_is_undone_is_done_again_until_something_else_is_done(page: Any, studio: Studio, two: list[str]) -> None:
    love(page, two[0], False).click()
    love(page, two[0], True).wait_for()
    card(page, two[1]).focus()
    page.keyboard.press("Delete")
    card(page, two[1]).wait_for(state="detached")
    for _ in range(2):
        page.keyboard.press("z")
        card(page, two[1]).wait_for()
        page.keyboard.press("z")
        love(page, two[0], False).wait_for()
        page.keyboard.press("y")
        love(page, two[0], True).wait_for()
        page.keyboard.press("y")
        card(page, two[1]).wait_for(state="detached")
    page.keyboard.press("z")
    card(page, two[1]).wait_for()
    card(page, two[1]).locator(".tag-input").fill("new")
    page.keyboard.press("Enter")
    card(page, two[1]).locator(".tag").wait_for()
    page.locator("h1").click()
    page.keyboard.press("y")
    page.locator(".toast", has_text="nothing to redo").wait_for()
    assert row(studio, two[1])["tags"] == ["new"]


def test_a_deletion_that_is_undone_before_it_is_answered_offers_no_undo(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "DELETE", f"/api/loops/{two[0]}$")
    card(page, two[0]).focus()
    page.keyboard.press("Delete")
    slow.wait()
    answer = slow.held[0].fetch()
    card(page, two[0]).wait_for(state="detached")
    page.keyboard.press("z")
    slow.answer(answer)
    card(page, two[0]).wait_for()
    assert page.locator(".toast").count() == 0
    page.keyboard.press("y")
    card(page, two[0]).wait_for(state="detached")


def test_a_redo_that_the_studio_did_not_answer_is_kept(page: Any, two: list[str]) -> None:
    love(page, two[0], False).click()
    love(page, two[0], True).wait_for()
    page.keyboard.press("z")
    love(page, two[0], False).wait_for()
    page.route("**/api/loops/*", lambda route: route.abort())
    page.keyboard.press("y")
    page.locator(".toast", has_text="does not answer").wait_for()
    page.unroute_all()
    page.keyboard.press("y")
    love(page, two[0], True).wait_for()
