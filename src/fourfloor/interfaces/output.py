"""How every command ends: JSON on standard output, or one line on standard error and an exit code."""

import json
import sys
from typing import Annotated, Any, NoReturn

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output (docs/json.md).")]


def print_json(content: dict[str, Any]) -> None:
    """Print what `--json` promises."""
    print(json.dumps(content, indent=2))


def fail(error: object, code: int) -> NoReturn:
    """Print one line and end with an exit code."""
    line = " ".join(str(error).split())
    print(f"fourfloor: {line}", file=sys.stderr)
    sys.exit(code)
