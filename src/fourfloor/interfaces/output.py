"""How every command ends: JSON on standard output, or one line on standard error and an exit code."""

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from fourfloor.errors import FourfloorError


def open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed: else the next file takes its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest free one: that of the closed stream
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(content, indent=2))


def say_next(*command: object) -> None:
    """Print the command that most people type next."""
    print(f"Next: fourfloor {shlex.join(map(str, command))}")


def say_page(page: Path) -> None:
    """Say on standard error which page shows a result: standard output holds the result itself."""
    print(f"Next: open {page} in a browser", file=sys.stderr)


def amount(number: int, thing: str) -> str:
    """Write a number of things: "1 loop", "4 loops"."""
    return f"{number} {thing}{'s' * (number != 1)}"


def fail(error: object, code: int) -> NoReturn:
    """Print one line and end with an exit code."""
    _say(error)
    sys.exit(code)


def leave(error: object, code: int) -> NoReturn:
    """Print one line and end at once, without waiting for other threads."""
    _say(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _say(error: object) -> None:
    line = " ".join(str(error).split())
    print(f"fourfloor: {line}", file=sys.stderr)


@contextlib.contextmanager
def quiet_unless_leading() -> Iterator[None]:
    """Print nothing in the processes of a training but the first, which says what all have to say; a bug is shown."""
    if os.environ.get("RANK", "0") == "0" or "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield
    except FourfloorError as error:
        sys.exit(error.exit_code)


def drop_output() -> None:
    """Discard standard output from now on: nothing can write to it, and Python would report that at exit."""
    with contextlib.suppress(OSError, ValueError):  # a standard output that is not a file has nothing to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
