"""Waiting for something, also on the page (its policy forbids playwright's own way), and what axe says of the page."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from axe_playwright_python.sync_playwright import Axe

Found = TypeVar("Found")
LIMIT_SECONDS = 120  # for what takes a second on an idle machine


def waited_for(look: Callable[[], Found]) -> Found:
    """Look again and again until something true is found, and return that."""
    ends = time.monotonic() + LIMIT_SECONDS
    while not (found := look()):
        assert time.monotonic() < ends
        time.sleep(0.05)
    return found


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true on the page."""
    ends = time.monotonic() + LIMIT_SECONDS
    while not page.evaluate(expression):
        assert time.monotonic() < ends, expression
        page.wait_for_timeout(50)


def faults(page: Any) -> list[tuple[str, str]]:
    """List what the page lacks for people who cannot see, hear or move well: rules of WCAG, with an example each."""
    return [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(page).response["violations"]]
