"""HTML pages that need nothing outside them: values go into the templates of this folder, and all text is escaped."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """Return the page that a template of this folder makes of some values."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["columns_of_words"] = columns_of_words
    return environment


def columns_of_words(table: Sequence[Sequence[str]]) -> list[bool]:
    """Say which columns of a table, its header first, hold words: these are read from the left."""
    head, *rows = table
    return [any(sum(c.isalpha() for c in row[i]) > 3 for row in rows) for i in range(len(head))]
