"""Waiting for something on the page: its policy forbids playwright's own way of evaluating expressions."""

import time
from typing import Any

LIMIT_SECONDS = 120


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true on the page."""
    ends = time.monotonic() + LIMIT_SECONDS
    while not page.evaluate(expression):
        assert time.monotonic() < ends, expression
        page.wait_for_timeout(50)
