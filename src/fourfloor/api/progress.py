"""How every call says how far it is: `on_progress(done, total, text)`, `done` of `total` in any unit."""

from collections.abc import Callable

OnProgress = Callable[[float, float, str], object]  # what it returns is not looked at, so that `print` serves


def ignore(done: float, total: float, text: str) -> None:
    """Show nothing."""
