"""The command line: parse, call the pipeline, show. Exit 2 with one line for a user's mistake."""

import os
import sys
from typing import Annotated, Any

import typer

from fourfloor.errors import FourfloorError
from fourfloor.interfaces import datasets, judging, loops, models
from fourfloor.interfaces.output import fail

# Loops are made side by side, one core each; products of small matrices only wait for each other's threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# torch takes a second to import: commands import the stages where they need them, so that --help is at once.

app = typer.Typer(
    name="fourfloor",
    help="New, seamless house & techno loops from your own tracks, on an ordinary machine.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for group in (datasets, models, loops, judging):  # in the order of --help
    app.add_typer(group.commands)
_UsageError: Any = typer.BadParameter.__base__  # typer gives it no name of its own


def main() -> None:
    """Run the command line and turn a user's mistake into one line and exit code 2."""
    try:
        sys.exit(app(standalone_mode=False))
    except _UsageError as error:
        where = error.ctx.command_path if error.ctx else "fourfloor"
        fail(f"{error.format_message().rstrip('.')}; see {where} --help", 2)
    except FourfloorError as error:
        fail(error, 2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        fail(f"{error.filename or 'output'}: {error.strerror or error}", 2)
    except MemoryError:
        fail("out of memory; ask for less at a time, or lower training.batch_size", 2)


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
) -> None:
    """New, seamless house & techno loops from your own tracks, on an ordinary machine."""
    if context.invoked_subcommand is None:
        print(context.get_help())
