"""What a caller passes: values of the declared types, and names written in any way that is clear."""

import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import numpy as np

from fourfloor.errors import FourfloorError

_WANTED = {
    int: "a whole number, such as 4", float: "a finite number, such as 126.5", bool: "True or False",
    str: 'a text, such as "techno"', Path: 'a pathlib.Path, such as Path("loops")',
    os.PathLike: 'a path, such as "loops"', Callable: "a function", Mapping: "a dict",
}  # fmt: skip
LONGEST_NAME = 255  # bytes
STORED = ("data", "against")  # arguments that also take the address of an object store
Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


def typed(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Hold the arguments of each call against the declared types, before the function begins.

    So a wrong type is one line, and `overwrite="no"` replaces nothing. Numpy's numbers become Python's, and `~` in a
    path becomes the home folder. Arrays pass: `numbers_of` judges them.
    """
    signature = inspect.signature(function)

    @cache
    def types() -> dict[str, Any]:
        annotations = {name: value.annotation for name, value in signature.parameters.items() if name != "self"}
        return get_type_hints(SimpleNamespace(__annotations__=annotations), function.__globals__)

    @wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python's own words, with the name of the function
        for name, value in bound.arguments.items():
            if name != "self" and types()[name] is not np.ndarray:
                bound.arguments[name] = checked(name, value, types()[name])
        return function(*bound.args, **bound.kwargs)

    return call


def check_types(arguments: Any) -> None:
    """Hold the fields of a dataclass against their declared types; numpy's numbers become Python's.

    Call it in `__post_init__`. Raises FourfloorError in one line that names the field and what to pass.
    """
    types = get_type_hints(type(arguments))
    for field in fields(arguments):
        value = checked(field.name, getattr(arguments, field.name), types[field.name])
        object.__setattr__(arguments, field.name, value)  # frozen


def checked(name: str, value: Any, expected: Any) -> Any:
    """Return a value of the expected type: a number, bool, text, path, function, class, collection, or a union.

    Raises FourfloorError in one line where it is of another type; a bool is not a number, NaN and infinity are none.
    """
    options = get_args(expected) if get_origin(expected) in (Union, UnionType) else (expected,)
    if value is None and NoneType in options:
        return None
    takes_paths = any(get_origin(option) is os.PathLike for option in options)
    if takes_paths and isinstance(value, str | os.PathLike):
        return _checked_path(name, value)
    options = tuple(option for option in options if option is not NoneType and not (takes_paths and option is str))
    for option in options:
        with suppress(FourfloorError):
            return _checked_as(name, value, option)
    for option in options:
        if len(options) == 1 or (_holds_items(option) and _has_items(value)):
            return _checked_as(name, value, option)  # says what is wrong
    raise _refused(name, value, ", or ".join(_wanted(option) for option in options))


def _checked_as(name: str, value: Any, expected: Any) -> Any:
    if _holds_items(expected):
        return _checked_items(name, value, expected)
    kind = get_origin(expected) or expected
    if kind is os.PathLike:
        return _checked_path(name, value)
    if kind is Mapping and isinstance(value, Mapping):
        return {key: checked(f"{name}[{key!r}]", item, get_args(expected)[1]) for key, item in value.items()}
    if kind is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if kind is int and is_number and isinstance(value, Integral):
        return int(value)
    if kind is float and is_number and is_finite(value):
        return float(value)
    if kind in (int, float, bool) or not isinstance(value, kind):
        raise _refused(name, value, _wanted(expected))
    return value


def _holds_items(expected: Any) -> bool:
    origin = get_origin(expected)
    return origin is Iterable or (origin is not None and issubclass(origin, Sequence))


def _has_items(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _checked_items(name: str, value: Any, expected: Any) -> Any:
    origin, inner = get_origin(expected), get_args(expected)
    if not _has_items(value) or (origin is not Iterable and not isinstance(value, Sequence)):
        raise _refused(name, value, _wanted(expected))
    if origin is tuple and inner[-1] is not Ellipsis and len(value) != len(inner):
        raise _refused(name, value, f"{len(inner)} values")
    items = (checked(f"{name}[{number}]", item, inner[0]) for number, item in enumerate(value))
    if isinstance(value, Iterator):
        return items  # one after the other, as they are made
    return tuple(items) if origin is tuple else list(items)


def _checked_path(name: str, value: Any) -> str | os.PathLike[str]:
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else b""
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise _refused(name, value, _WANTED[os.PathLike])
    if any(len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in Path(text).parts):  # fails at the first look
        raise _refused(name, value, f"a path whose names have at most {LONGEST_NAME} bytes")
    if name.partition("[")[0] not in STORED:
        refuse_address(text)
    home = os.path.expanduser(text)
    return value if home == text else home


def refuse_address(path: str | os.PathLike[str]) -> None:
    """Raise FourfloorError for an address such as https://x, which a Path shortens and takes for a folder."""
    found = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", os.fspath(path), re.DOTALL)
    if not found or os.path.lexists(path):
        return
    scheme, rest = found.groups()
    if scheme == "file":
        raise FourfloorError(f"file:///{rest}: write it as a path: {unquote(f'/{rest}')}")
    remedy = "download it first and name the copy, or use fourfloor pull and push for a dataset"
    raise FourfloorError(f"{scheme}://{rest}: is an address, but a file or folder of this machine is needed; {remedy}")


def _wanted(expected: Any) -> str:
    kind = get_origin(expected) or expected
    return "a list" if _holds_items(expected) else _WANTED.get(kind, f"a {kind.__name__}")


def is_finite(value: Any) -> bool:
    """Tell whether a real number is a finite float; an integer of four hundred digits is none."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _refused(name: str, value: Any, wanted: str) -> FourfloorError:
    shown = " ".join(repr(value).split())[:60]
    return FourfloorError(f"{name} is {shown}: pass {wanted}")


def numbers_of(name: str, values: object) -> np.ndarray:
    """Return values as a float32 array; FourfloorError in one line where they are not real floats.

    Integers are refused, too: audio that was read as 16-bit integers would count as 90 dB too loud.
    """
    try:
        given = np.asarray(values)
        numbers = None if given.dtype.kind in "biuc" else np.asarray(given, np.float32)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of torch that has a gradient
        raise FourfloorError(f"{name} is {repr(values)[:60]}: pass a numpy array of numbers") from None
    if numbers is None:
        raise FourfloorError(f"{name} holds {given.dtype}: pass floats in [-1, 1], such as samples / 32768")
    return numbers


MAX_SEED = 2**63 - 1


def check_seed(seed: int) -> None:
    """Raise FourfloorError in one line where a seed is outside the range of every generator."""
    if not 0 <= seed <= MAX_SEED:
        raise FourfloorError(f"seed {seed} is outside 0 to 2^63 - 1: choose one in that range")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise FourfloorError in one line where a number is outside its range."""
    if not low <= value <= high:
        raise FourfloorError(f"{name} {value} is outside {low}-{high}: choose one in that range")


def check_budget(minutes: float | None, steps: int | None) -> None:
    """Raise FourfloorError in one line for a training of no length."""
    if minutes is not None:
        check_range("minutes", minutes, 0.001, 525_600)
    if steps is not None:
        check_range("steps", steps, 1, 10**9)


def match_name(kind: str, asked: str, names: Sequence[str]) -> str:
    """Return the one of `names` that is meant: in any case, with spaces, hyphens or underscores, by a unique beginning.

    Raises FourfloorError in one line that lists the names that could be meant, or all where none could.

    >>> match_name("style", "Deep_House", ["deep house", "dub techno"])
    'deep house'
    >>> match_name("style", "dub", ["deep house", "dub techno"])
    'dub techno'
    """
    if asked in names:
        return asked
    wanted = _words(asked)
    found = [name for name in names if _words(name) == wanted]
    found = found or [name for name in names if wanted and _words(name).startswith(wanted)]
    found = found or [name for name in names if wanted in _words(name).split(" ")]
    if len(found) == 1:
        return found[0]
    if found:
        raise FourfloorError(f"{kind} {asked!r} could be {', '.join(found)}: choose one of them")
    raise FourfloorError(f"{kind} {asked!r} is unknown: use one of {', '.join(names)}")


def _words(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))
