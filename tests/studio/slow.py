"""Requests of a page that are answered late, and what a page and the server say of a loop meanwhile."""

import re
from typing import Any

from .conftest import Studio
from .looking import waited_for


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

    def answer(self, answer: Any) -> None:
        """Answer the first one that is held; all that follow are sent at once."""
        self._holds = False
        self.held[0].fulfill(response=answer)
        self._page.unroute_all()

    def let_go(self) -> None:
        """Send all that are held, and all that follow at once."""
        self._holds = False
        for route in self.held:
            route.continue_()
        self._page.unroute_all()


def card(page: Any, loop: str) -> Any:
    return page.locator(f".card[data-id='{loop}']")


def row(studio: Studio, loop: str) -> dict[str, Any]:
    return dict(next(row for row in studio.client.get("/api/loops").json() if row["id"] == loop))
