"""How every call says how far it is: `on_progress(done, total, text)`, `done` of `total` in any unit.

What a function of the caller returns is not looked at, so that any serves, such as `print`.
"""

import os
from collections.abc import Callable

OnProgress = Callable[[float, float, str], object]
OnNote = Callable[[str], object]
PathLike = str | os.PathLike[str]


def ignore(done: float, total: float, text: str) -> None:
    """Show nothing."""


def silent(call: Callable[..., object]) -> Callable[..., None]:
    """Return what calls and drops what comes back, so that any function of the caller serves, such as `print`."""

    def called(*told: object) -> None:
        call(*told)

    return called
