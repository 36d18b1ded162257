"""The command line: parse, call the api, show. A user's mistake is one line, a bug is a traceback."""

import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from fourfloor.errors import FourfloorError
from fourfloor.interfaces import datasets, editing, edits, judging, loops, models, packs, studio
from fourfloor.interfaces.output import drop_output, fail, leave, open_closed_streams
from fourfloor.stopping import StopSignal, on_stop, raise_stop, stop_behind

# fourfloor generates loops in parallel, one core each: more threads for small matrix products only slow it down.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# torch takes a second to import: each command imports its stages itself, so --help answers at once.

app = typer.Typer(
    name="fourfloor",
    help="New, seamless house & techno loops from your own tracks, on an ordinary machine.",
    epilog="Example: fourfloor generate --bpm 126 --count 4 --out loops",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
for group in (loops, edits, editing, studio, packs, datasets, models, judging):  # in the order of --help
    app.add_typer(group.commands)
# Errors of the machine that may lack a file name.
MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
_UsageError: Any = typer.BadParameter.__base__  # typer does not export it by name


@dataclass
class Settings:
    """The options given before the command."""

    debug: bool = False


def main() -> None:
    """Run the command line: a user's mistake is one line and exit code 2, a bug is a traceback and exit code 1."""
    settings = Settings()
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # show characters that the terminal's encoding lacks as escapes
            stream.reconfigure(errors="backslashreplace")
    try:
        with on_stop(raise_stop):
            refuse_empty(sys.argv[1:])
            refuse_lost_folder()
            code = app(args=with_home(sys.argv[1:]), standalone_mode=False, obj=settings)
            sys.stdout.flush()  # a full disk or a closed pipe behind it shows here
    except StopSignal as stop:
        leave(stop, stop.exit_code)
    except _UsageError as error:
        where = error.ctx.command_path if error.ctx else "fourfloor"
        fail(f"{error.format_message().rstrip('.')}; see {where} --help", 2)
    except BrokenPipeError:  # the reader closed the pipe, as `head` does
        drop_output()
        sys.exit(1)
    except Exception as error:
        mistake = mistake_of(error)
        stopped = stop_behind(error) if mistake is None else None
        if settings.debug or not (mistake or stopped):
            traceback.print_exception(error)
        if stopped:
            leave(stopped, stopped.exit_code)
        if mistake is None:
            fail("this is a bug in fourfloor: please report the command and the lines above", 1)
        if isinstance(error, OSError) and error.filename is None:
            drop_output()
        fail(mistake, error.exit_code if isinstance(error, FourfloorError) else 2)
    sys.exit(code)


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raise FourfloorError for an empty argument: as a path it would mean the current folder."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument.strip() or re.fullmatch(r"--[a-z-]+=\s*", argument):
            name = argument.strip().rstrip("=") or (before if before.startswith("--") else "an argument")
            raise FourfloorError(f"{name} is empty. Give it a value; perhaps a shell variable is not set")


def refuse_lost_folder() -> None:
    """Raise FourfloorError where the current folder was deleted: no relative path leads anywhere."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise FourfloorError("the current folder does not exist any more; change to one that does: cd ~") from None


def with_home(arguments: Sequence[str]) -> list[str]:
    """Expand a `~` that the shell did not expand: after `=`, in quotes, or in a shell without `~`."""
    parts = [re.fullmatch(r"(--[a-z-]+=)?(~.*)", argument, re.DOTALL) for argument in arguments]
    return [
        (part[1] or "") + os.path.expanduser(part[2]) if part else argument
        for part, argument in zip(parts, arguments, strict=True)
    ]


def mistake_of(error: Exception) -> str | None:
    """Return the message for a mistake that the user can mend; None for a bug."""
    if isinstance(error, FourfloorError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; ask for less at a time, or lower training.batch_size"
    if isinstance(error, OSError) and (error.filename is not None or error.errno in MACHINE_ERRORS):
        return f"{_name(error.filename)}: {error.strerror or error}; check the path, its permissions and the free space"
    return None


def _name(path: object) -> str:
    return "output" if path is None else os.fsdecode(path) if isinstance(path, str | bytes) else str(path)


def _version(asked: bool) -> None:
    if asked:
        from fourfloor import __version__

        print(f"fourfloor {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of every error, for a bug report.")
    ] = False,
) -> None:
    """New, seamless house & techno loops from your own tracks, on an ordinary machine."""
    context.obj.debug = debug
    if context.invoked_subcommand is None:
        print(context.get_help())
