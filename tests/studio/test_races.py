"""A slow connection and quick hands: nothing that was done is lost, and late answers take nothing back."""

import re
from typing import Any

from .conftest import Studio
from .looking import until, waited_for
from .slow import Slow, card, row


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
    studio.client.patch(f"/api/loops/{cards[0]}", json={"loved": False}).raise_for_status()
    card(page, cards[0]).locator(".love[aria-pressed=false]").click()
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


def told_of_a_loop(page: Any) -> None:
    """Begin to listen to the events beside the page."""
    page.evaluate("""() => new Promise((resolve) => {
      const source = new EventSource('/api/events');
      source.addEventListener('loop', () => (window.told = true));
      source.addEventListener('ready', resolve);
    })""")


def test_a_button_that_is_pressed_while_its_card_changes_is_clicked(page: Any, studio: Studio, two: list[str]) -> None:
    told_of_a_loop(page)
    card(page, two[0]).locator(".love").hover()
    page.mouse.down()
    studio.client.patch(f"/api/loops/{two[0]}", json={"tags": ["late"]}).raise_for_status()
    until(page, "window.told")
    page.wait_for_timeout(200)
    page.mouse.up()
    card(page, two[0]).locator(".love[aria-pressed=true]").wait_for()
    card(page, two[0]).locator(".tag").wait_for()


def test_a_press_whose_end_the_page_missed_holds_nothing_back(page: Any, studio: Studio, two: list[str]) -> None:
    page.evaluate("document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))")
    studio.client.patch(f"/api/loops/{two[0]}", json={"tags": ["late"]}).raise_for_status()
    page.wait_for_timeout(200)
    assert card(page, two[0]).locator(".tag").count() == 0
    page.mouse.move(10, 10)
    page.mouse.move(20, 20)
    card(page, two[0]).locator(".tag").wait_for()


def test_a_late_list_of_models_takes_back_no_change_of_a_loop(page: Any, studio: Studio, two: list[str]) -> None:
    slow = Slow(page, "GET", "/api/state$")
    studio.client.put("/api/uploads/late/noise.wav", content=b"RIFF no audio")
    studio.ask(kind="ingest", name="late", upload="late")
    slow.wait()
    answer = slow.held[0].fetch()
    studio.client.patch(f"/api/loops/{two[0]}", json={"loved": True}).raise_for_status()
    loved = card(page, two[0]).locator(".love[aria-pressed=true]")
    loved.wait_for()
    with page.expect_response("**/api/state"):
        slow.answer(answer)
    page.wait_for_timeout(200)
    assert loved.count() == 1


def test_a_message_stays_while_somebody_points_at_it(page: Any) -> None:
    page.evaluate("""async () => {
      const timers = [];
      globalThis.setTimeout = (does) => timers.push(does);
      globalThis.timesUp = () => timers.splice(0).forEach((does) => does());
      (await import('/page/dom.js')).toast('Deleted it.', 'Undo');
    }""")
    page.locator(".toast button").hover()
    page.evaluate("timesUp()")
    assert page.locator(".toast").count() == 1
    page.locator("h1").hover()
    page.evaluate("timesUp()")
    assert page.locator(".toast").count() == 0


def test_music_that_is_found_late_does_not_replace_what_was_asked_for_since(
    page: Any, studio: Studio, two: list[str]
) -> None:
    slow = Slow(page, "POST", "/api/jobs$")
    card(page, two[0]).locator(".passage").click()
    slow.wait()
    card(page, two[1]).locator(".play").click()
    until(page, f"fourfloor.transport?.place('{two[1]}') > 0")
    slow.let_go()
    waited_for(lambda: studio.client.get("/api/state").json()["jobs"][-1]["kind"] == "passage")
    studio.rest()
    page.wait_for_timeout(500)
    assert page.evaluate("[...fourfloor.transport.tracks.keys()]") == [two[1]]


def test_the_focus_returns_to_a_card_that_changed_behind_a_dialog_or_the_menu(
    page: Any, studio: Studio, two: list[str]
) -> None:
    for number, (key, opened) in enumerate({"o": "#menu:popover-open", "h": "#history[open]"}.items()):
        card(page, two[0]).focus()
        page.keyboard.press(key)
        page.locator(opened).wait_for()
        studio.client.patch(f"/api/loops/{two[0]}", json={"tags": ["x"] * (number + 1)}).raise_for_status()
        card(page, two[0]).locator(".tag").nth(number).wait_for()
        page.keyboard.press("Escape")
        until(page, f"document.activeElement.closest('.card')?.dataset.id === '{two[0]}'")
