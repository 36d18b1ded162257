"""A slow connection and quick hands: nothing that was done is lost, and late answers take nothing back."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Studio
from .looking import until, waited_for


class Slow:
    """Requests of a page that are held until they are let go."""

    def __init__(self, page: Any, method: str, path: str) -> None:
        self._page, self._method, self._holds = page, method, True
        self.held: list[Any] = []
        page.route(re.compile(path), self._take)

    def _take(self, route: Any) -> None:
        if self._holds and route.request.method == self._method:
            self.held.append(route)
        else:
            route.continue_()

    def wait(self, count: int = 1) -> None:
        """Wait until so many requests are held."""
        waited_for(lambda: self._page.wait_for_timeout(20) or len(self.held) >= count)

    def let_go(self) -> None:
        """Send all that are held, and all that follow at once."""
        self._holds = False
        for route in self.held:
            route.continue_()
        self._page.unroute_all()


@pytest.fixture
def two(studio: Studio) -> Iterator[list[str]]:
    """Two loops as they were made: no tags, not loved, on no clip grid, not deleted."""
    made = [row["id"] for row in studio.client.get("/api/loops").json() if row["verb"] == "generate"][-2:]
    yield made
    for name in made:
        studio.client.post(f"/api/loops/{name}/restore")
        studio.client.patch(f"/api/loops/{name}", json={"tags": [], "loved": False})
    for place in studio.client.get("/api/state").json()["grid"]:
        studio.client.put(f"/api/grid/{place}", json={"loop": None})


def card(page: Any, loop: str) -> Any:
    return page.locator(f".card[data-id='{loop}']")


def row(studio: Studio, loop: str) -> dict[str, Any]:
    return dict(next(row for row in studio.client.get("/api/loops").json() if row["id"] == loop))


def test_tags_that_are_typed_in_a_row_are_all_kept_and_each_is_undone(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "PATCH", f"/api/loops/{two[0]}$")
    card(page, two[0]).locator(".tag-input").focus()
    for tag in ("deep", "late"):
        page.keyboard.type(tag)
        page.keyboard.press("Enter")
    slow.wait()
    slow.let_go()
    waited_for(lambda: row(studio, two[0])["tags"] == ["deep", "late"])
    card(page, two[0]).locator(".tag").nth(1).wait_for()
    assert page.evaluate("document.activeElement.className") == "tag-input"  # the next tag is no key of the page
    card(page, two[0]).focus()
    page.keyboard.press("z")
    waited_for(lambda: row(studio, two[0])["tags"] == ["deep"])


def test_a_love_that_is_clicked_again_before_it_is_answered_is_one_change(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "PATCH", f"/api/loops/{two[0]}$")
    card(page, two[0]).locator(".love").click()
    card(page, two[0]).locator(".love").click()
    slow.wait()
    slow.let_go()
    card(page, two[0]).locator(".love[aria-pressed=true]").wait_for()
    page.keyboard.press("z")
    card(page, two[0]).locator(".love[aria-pressed=false]").wait_for()
    page.keyboard.press("z")
    page.locator(".toast", has_text="nothing to undo").wait_for()


def test_what_is_undone_before_the_answer_is_the_last_change_that_was_one(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "PATCH", f"/api/loops/{two[0]}$")
    card(page, two[0]).locator(".love").click()
    card(page, two[0]).locator(".love").click()  # waits for its turn, and will change nothing
    slow.wait()
    answer = slow.held[0].fetch()
    card(page, two[0]).locator(".love[aria-pressed=true]").wait_for()  # the server told of it before its answer came
    page.keyboard.press("z")
    slow.held.pop().fulfill(response=answer)
    slow.let_go()
    card(page, two[0]).locator(".love[aria-pressed=false]").wait_for()
    page.keyboard.press("z")
    page.locator(".toast", has_text="nothing to undo").wait_for()


def test_a_late_answer_takes_back_nothing_that_the_server_told_meanwhile(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "PATCH", f"/api/loops/{two[0]}$")
    title = row(studio, two[0])["title"]
    card(page, two[0]).locator(".love").click()
    slow.wait()
    answer = slow.held[0].fetch()  # the server has made the change; its answer is on its way
    studio.client.patch(f"/api/loops/{two[0]}", json={"title": "Night bus"}).raise_for_status()
    name = card(page, two[0]).locator(".name")
    name.get_by_text("Night bus").wait_for()
    with page.expect_response(re.compile(two[0])):
        slow.held[0].fulfill(response=answer)
    page.wait_for_timeout(100)
    assert name.text_content() == "Night bus"
    studio.client.patch(f"/api/loops/{two[0]}", json={"title": title}).raise_for_status()


def test_deleting_goes_on_with_the_next_card_and_every_deletion_is_undone_once(
    page: Any, studio: Studio, two: list[str]
) -> None:
    cards = page.evaluate("[...document.querySelectorAll('.card')].map((made) => made.dataset.id)")
    page.locator("#order").focus()
    card(page, cards[0]).locator(".love").click()
    card(page, cards[0]).locator(".love[aria-pressed=true]").wait_for()
    slow = Slow(page, "DELETE", f"/api/loops/{cards[0]}$")
    card(page, cards[0]).focus()
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")  # not answered yet: the same one
    slow.wait()
    slow.let_go()
    card(page, cards[0]).wait_for(state="detached")
    assert page.evaluate("document.activeElement.dataset.id") == cards[1]
    page.get_by_role("button", name="Undo").wait_for()
    page.keyboard.press("z")
    card(page, cards[0]).wait_for()
    assert page.get_by_role("button", name="Undo").count() == 0  # it is undone already
    page.keyboard.press("z")
    card(page, cards[0]).locator(".love[aria-pressed=false]").wait_for()
    assert [len(slow.held), len(studio.client.get("/api/loops").json())] == [1, len(cards)]


def test_a_few_messages_at_a_time_leave_room_for_the_cards(page: Any) -> None:
    page.evaluate("import('/page/dom.js').then(({ toast }) => [...'abcdef'].forEach((text) => toast(text, 'Undo')))")
    assert page.locator(".toast").all_text_contents() == ["cUndo", "dUndo", "eUndo", "fUndo"]


def test_an_undo_that_the_studio_did_not_answer_is_kept(page: Any, two: list[str]) -> None:
    card(page, two[0]).locator(".love").click()
    card(page, two[0]).locator(".love[aria-pressed=true]").wait_for()
    page.route("**/api/loops/*", lambda route: route.abort())
    page.keyboard.press("z")
    page.locator(".toast", has_text="does not answer").wait_for()
    page.unroute_all()
    page.keyboard.press("z")
    card(page, two[0]).locator(".love[aria-pressed=false]").wait_for()


def test_the_loop_that_was_asked_for_last_plays(page: Any, two: list[str]) -> None:
    slow = Slow(page, "GET", f"/api/loops/{two[0]}/audio$")
    card(page, two[0]).locator(".play").click()
    slow.wait()
    card(page, two[1]).locator(".play").click()
    until(page, f"fourfloor.transport.place('{two[1]}') > 0")
    with page.expect_response(re.compile(f"{two[0]}/audio")):
        slow.let_go()
    page.wait_for_timeout(300)
    assert page.evaluate("[...fourfloor.transport.tracks.keys()]") == [two[1]]


def test_a_loop_that_is_stopped_or_deleted_while_it_loads_does_not_start(page: Any, two: list[str]) -> None:
    slow = Slow(page, "GET", "/api/loops/.*/audio$")
    card(page, two[0]).locator(".play").click()
    page.keyboard.press("Escape")
    card(page, two[0]).focus()
    page.keyboard.press("Delete")
    card(page, two[0]).wait_for(state="detached")
    with page.expect_response(re.compile(f"{two[0]}/audio")):
        slow.let_go()
    page.wait_for_timeout(300)
    assert page.evaluate("fourfloor.transport.tracks.size") == 0


def test_clips_that_are_put_on_the_grid_in_a_row_lie_beside_each_other(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "PUT", "/api/grid/")
    for loop in two:
        card(page, loop).focus()
        page.keyboard.press("p")
    slow.wait()
    slow.let_go()
    waited_for(lambda: list(studio.client.get("/api/state").json()["grid"].values()) == two)


def test_what_is_begun_on_a_card_stays_when_another_tab_changes_the_loop(
    page: Any, studio: Studio, two: list[str]
) -> None:
    made = card(page, two[0])
    made.evaluate("(made) => { made.region = [1, 2]; made.querySelector('.amount').value = 0.7; }")
    made.locator(".tag-input").fill("half a t")
    studio.client.patch(f"/api/loops/{two[0]}", json={"loved": True}).raise_for_status()
    made.locator(".love[aria-pressed=true]").wait_for()
    page.keyboard.type("ag")
    assert made.locator(".tag-input").input_value() == "half a tag"
    assert made.locator(".amount").input_value() == "0.7"
    assert made.locator(".redo").text_content() == "Redo beats 1-2"


def test_a_key_that_is_held_acts_once(page: Any, two: list[str]) -> None:
    slow = Slow(page, "POST", "/api/jobs$")
    card(page, two[0]).focus()
    for _ in range(4):
        page.keyboard.down("v")
    page.keyboard.up("v")
    slow.wait()
    page.wait_for_timeout(100)
    assert len(slow.held) == 1
    slow.held.pop().abort()


def test_back_leads_to_the_view_before(page: Any) -> None:
    page.keyboard.press("3")
    page.keyboard.press("2")
    page.go_back()
    page.locator("#view-map").wait_for()
    page.go_back()
    page.locator("#view-loops").wait_for()


def test_tracks_are_cut_when_all_of_them_are_here(page: Any) -> None:
    page.click("[data-view=tracks]")
    slow = Slow(page, "PUT", "/api/uploads/")
    page.set_input_files("#files", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF"})
    slow.wait()
    page.get_by_role("button", name="Cut into loops").click()
    page.locator(".toast", has_text="still being sent").wait_for()
    slow.let_go()
    page.locator("#drop[data-state*='1 of 1 files are here']").wait_for()
