"""Many tabs of one browser: they share one stream of events, so that the others' requests are answered."""

from typing import Any

from .conftest import Studio
from .slow import card

TABS = 8  # a browser opens at most six connections to a server
NO_SHARED_WORKERS = "delete globalThis.SharedWorker"
# Runs `events.js` with a server that answers late; returns what each tab is told, in order, and the number of streams.
TOLD = """
async () => {
  const told = [], connects = [], sources = [];
  let answer = null;
  globalThis.addEventListener = (kind, listener) => connects.push(listener);
  globalThis.fetch = () => new Promise((resolve) => (answer = resolve));
  globalThis.EventSource = class {
    on = {};
    constructor() { sources.push(this); }
    addEventListener(kind, listener) { this.on[kind] = listener; }
  };
  await import('/page/events.js');
  const join = (name) => connects[0]({ ports: [{ postMessage: (message) => told.push([name, ...message]) }] });
  const event = (kind, content) => sources[0].on[kind]({ data: JSON.stringify(content) });
  join('a');
  event('ready', 1);
  const second = join('b');
  event('loop', 2);
  answer(new Response('3'));
  await second;
  event('loop', 4);
  const third = join('c');
  sources[0].on.error();
  event('ready', 5);
  answer(new Response('6'));
  await third;
  return [told, sources.length];
}
"""


def test_eight_tabs_are_open_and_all_see_every_change(page: Any, studio: Studio, two: list[str]) -> None:
    tabs = [page, *(page.context.new_page() for _ in range(TABS - 1))]
    for tab in tabs[1:]:
        tab.goto(studio.address)
        card(tab, two[0]).wait_for()
    card(tabs[-1], two[0]).locator(".love").click()
    for tab in tabs:
        card(tab, two[0]).locator(".love[aria-pressed=true]").wait_for()
    for tab in tabs[:-1]:  # the one that opened the stream, too
        tab.close()
    studio.client.patch(f"/api/loops/{two[0]}", json={"loved": False}).raise_for_status()
    card(tabs[-1], two[0]).locator(".love[aria-pressed=false]").wait_for()
    assert tabs[-1].locator("#connection").text_content() == ""


def test_a_tab_that_opens_takes_its_state_and_then_what_came_meanwhile(page: Any) -> None:
    told = page.evaluate(TOLD)
    assert told == [
        [
            ["a", "ready", 1], ["a", "loop", 2], ["b", "ready", 3], ["b", "loop", 2], ["a", "loop", 4],
            ["b", "loop", 4], ["a", "lost", None], ["b", "lost", None], ["a", "ready", 5], ["b", "ready", 5],
            ["c", "ready", 5],
        ],
        1,
    ]  # fmt: skip


def test_a_browser_without_shared_workers_hears_by_itself_and_asks_again_where_it_was_refused(
    empty_page: Any, studio: Studio, two: list[str]
) -> None:
    refused: list[Any] = []

    def refuse_once(route: Any) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route)
            route.fulfill(status=503)

    empty_page.add_init_script(NO_SHARED_WORKERS)
    empty_page.route("**/api/events", refuse_once)
    empty_page.goto(studio.address)
    card(empty_page, two[0]).wait_for()
    assert len(refused) == 1
    studio.client.patch(f"/api/loops/{two[0]}", json={"loved": True}).raise_for_status()
    card(empty_page, two[0]).locator(".love[aria-pressed=true]").wait_for()
