"""Strict TOML -> the frozen dataclasses that configure each stage; a recipe writes itself back.

A recipe lists only what differs from the defaults. An unknown table or key, a wrong type or a missing key is an error
that names file, table, key and the nearest match.
"""

import codecs
import difflib
import reprlib
import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from fourfloor import recipes
from fourfloor.errors import FourfloorError
from fourfloor.models import family_module, is_generative
from fourfloor.representations import representation_module
from fourfloor.training.config import Config as TrainingConfig

TABLES = ("about", "representation", "model", "training", "generation")
MAX_BYTES = 100_000
MAX_SHOWN = 60  # characters of a wrong value in an error
REMEDY = "name a .toml file, or a recipe that `fourfloor models` lists"
MAX_TEXT = 300  # characters of a text in [about]


@dataclass(frozen=True, kw_only=True)
class About:
    """What a recipe says of itself to whoever reads a comparison; nothing is trained by it."""

    title: str = ""  # the file's first line where that is a comment
    seed_verdict: str = ""  # what was heard of the first, historic experiment of this kind

    def __post_init__(self) -> None:
        for name, text in _values(self).items():
            if len(text) > MAX_TEXT or not text.isprintable():
                raise FourfloorError(f"{name}: give one line of at most {MAX_TEXT} printable characters")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One experiment: what the model sees, the model, how it is trained and how it samples."""

    representation_name: str
    representation: Any
    family: str
    model: Any
    training: TrainingConfig
    generation: Any = field(default=None)
    about: About = field(default_factory=About)
    model_keys: tuple[str, ...] = field(default=(), compare=False)  # what [model] names; the rest is defaults

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return every resolved value by table, ready for JSON."""
        about = {name: text for name, text in _values(self.about).items() if text}
        tables: dict[str, dict[str, Any]] = {
            **({"about": about} if about else {}),
            "representation": {"name": self.representation_name, **_values(self.representation)},
            "model": {"family": self.family, **_values(self.model)},
            "training": _values(self.training),
        }
        if self.generation is not None:
            tables["generation"] = _values(self.generation)
        return tables

    def to_toml(self) -> str:
        """Write the recipe out with every value resolved; `load` reads it back to an equal one."""
        blocks = []
        for table, values in self.to_dict().items():
            lines = [f"{key} = {_toml_value(value)}" for key, value in values.items()]
            blocks.append("\n".join([f"[{table}]", *lines]))
        return "\n\n".join(blocks) + "\n"


def load(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, a file or a name as in `recipes.find`, and apply overrides such as `training.batch_size=8`.

    FourfloorError in one line.
    """
    try:
        with open(recipes.find(path), "rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise FourfloorError(f"{path}: is larger than {MAX_BYTES} bytes; {REMEDY}")
        text = _decoded(raw, path)
        content = tomllib.loads(text)
    except OSError as error:
        reason = f"{path}: cannot read the recipe ({error.strerror})"
        raise FourfloorError(f"{reason}; {REMEDY}") from None
    except FourfloorError:
        raise
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError, or a number of too many digits
        raise FourfloorError(f"{path}: is not valid TOML ({error})") from None
    for override in overrides:
        _apply_override(content, override)
    plan = parse(content, str(path))
    title = plan.about.title or _first_comment(text)
    return replace(plan, about=replace(plan.about, title=title))


def _decoded(raw: bytes, path: str | Path) -> str:
    """Return a file's text: UTF-8, or the Unicode that a byte-order mark names, as editors on Windows write it."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, errors="replace")
    if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text:  # the former: UTF-16 without its mark
        raise FourfloorError(f"{path}: is not UTF-8 text; save it as UTF-8, or {REMEDY}")
    return text


def _first_comment(text: str) -> str:
    first = text.split("\n", 1)[0]
    printable = "".join(character for character in first.lstrip("# ") if character.isprintable())
    return printable[:MAX_TEXT].strip() if first.startswith("#") else ""


def parse(content: dict[str, Any], source: str) -> Recipe:
    """Turn the tables of a recipe into configs; `source` names it in errors."""
    _refuse_unknown(content, TABLES, source, "table")
    for table, values in content.items():
        if not isinstance(values, dict):
            raise FourfloorError(f"{source}: {table} = {_shown(values)} is outside a table: put it under {TABLES}")
    representation_table = dict(content.get("representation", {}))
    model_table = dict(content.get("model", {}))
    name = _take(representation_table, "name", f"{source} [representation]")
    family = _take(model_table, "family", f"{source} [model]")
    try:
        representation, model = representation_module(name), family_module(family)
    except ValueError as error:
        raise FourfloorError(f"{source}: {error}") from None
    generation = None
    if is_generative(family):
        generation = fill(model.Sampling, content.get("generation", {}), f"{source} [generation]")
    elif "generation" in content:
        raise FourfloorError(f"{source} [generation]: the family {family} does not generate; remove the table")
    return Recipe(
        representation_name=name,
        representation=fill(representation.Config, representation_table, f"{source} [representation]"),
        family=family,
        model=fill(model.Config, model_table, f"{source} [model]"),
        training=fill(TrainingConfig, content.get("training", {}), f"{source} [training]"),
        generation=generation,
        about=fill(About, content.get("about", {}), f"{source} [about]"),
        model_keys=tuple(model_table),
    )


def fill(config: type, values: dict[str, Any], where: str) -> Any:
    """Build a config dataclass from a table, checking every key and type."""
    hints = typing.get_type_hints(config)
    _refuse_unknown(values, list(hints), where, "key")
    for entry in fields(config):
        if entry.name not in values and entry.default is MISSING and entry.default_factory is MISSING:
            raise FourfloorError(f"{where}: {entry.name} is missing")
    checked = {key: _convert(value, hints[key], f"{where}: {key}") for key, value in values.items()}
    try:
        return config(**checked)
    except ValueError as error:
        raise FourfloorError(f"{where}: {error}") from None


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Check one TOML value against a type hint; integers pass as floats, arrays become tuples."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise FourfloorError(f"{where} = {_shown(value)} is not one of {', '.join(map(repr, arguments))}")
    if origin in (typing.Union, types.UnionType):
        return _convert(value, next(a for a in arguments if a is not type(None)), where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(item, arguments[0], where) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    expected = origin or hint
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise FourfloorError(f"{where} = {_shown(value)} must be of type {getattr(expected, '__name__', expected)}")
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise FourfloorError(f"{where} = {value!r} must be a finite number")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise FourfloorError(f"{where} must be a number of at most 64 bits")
    return value


def _shown(value: Any) -> str:
    """Write a value that was given in a few characters."""
    return reprlib.repr(value)[:MAX_SHOWN]


def _take(table: dict[str, Any], key: str, where: str) -> str:
    if key not in table:
        raise FourfloorError(f"{where}: {key} is missing")
    return str(table.pop(key))[:MAX_SHOWN]


def _refuse_unknown(values: dict[str, Any], known: Sequence[str], where: str, kind: str) -> None:
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key[:MAX_SHOWN], known, n=1)  # it takes the square of the length
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
            raise FourfloorError(f"{where}: unknown {kind} {key[:MAX_SHOWN]!r}: {hint}")


def _apply_override(content: dict[str, Any], override: str) -> None:
    target, equals, text = override.partition("=")
    table, dot, key = target.strip().partition(".")
    if not (equals and dot and key):
        raise FourfloorError(f"--set {override}: write it as table.key=value, for example training.batch_size=8")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # a text without quotes, or a number of too many digits
        value = text.strip()
    values = content.setdefault(table, {})
    if not isinstance(values, dict):
        raise FourfloorError(f"--set {override}: {table} is not a table of a recipe")
    values[key] = value


def _values(config: Any) -> dict[str, Any]:
    assert is_dataclass(config)
    return {entry.name: getattr(config, entry.name) for entry in fields(config)}


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return repr(value)
