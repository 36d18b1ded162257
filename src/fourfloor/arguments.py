"""What a caller passes: values of the declared types, and names written in any way that is clear."""

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from fourfloor.errors import FourfloorError

_WANTED = {
    int: "a whole number, such as 4", float: "a finite number, such as 126.5", bool: "True or False",
    str: 'a text, such as "techno"', Path: 'a pathlib.Path, such as Path("loops")',
}  # fmt: skip


def check_types(arguments: Any) -> None:
    """Hold the fields of a dataclass against their declared types; numpy's numbers become Python's.

    Call it in `__post_init__`. Raises FourfloorError in one line that names the field and what to pass.
    """
    types = get_type_hints(type(arguments))
    for field in fields(arguments):
        value = checked(field.name, getattr(arguments, field.name), types[field.name])
        object.__setattr__(arguments, field.name, value)  # frozen


def checked(name: str, value: Any, expected: Any) -> Any:
    """Return a value of the expected type: int, float, bool, str, Path, a class, a sequence or a union of these.

    Raises FourfloorError in one line where it is of another type; a bool is not a number, NaN and infinity are none.
    """
    origin, inner = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        *others, last = (option for option in inner if option is not NoneType)
        for option in others:
            with suppress(FourfloorError):
                return checked(name, value, option)
        return checked(name, value, last)
    if origin is not None and issubclass(origin, Sequence):
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise _refused(name, value, "a list")
        items = [checked(f"{name}[{number}]", item, inner[0]) for number, item in enumerate(value)]
        return tuple(items) if origin is tuple else items
    if expected is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if expected is int and is_number and isinstance(value, Integral):
        return int(value)
    if expected is float and is_number and is_finite(value):
        return float(value)
    if expected in (int, float, bool) or not isinstance(value, expected):
        raise _refused(name, value, _WANTED.get(expected, f"a {expected.__name__}"))
    return value


def is_finite(value: Any) -> bool:
    """Tell whether a real number is a finite float; an integer of four hundred digits is none."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _refused(name: str, value: Any, wanted: str) -> FourfloorError:
    return FourfloorError(f"{name} is {repr(value)[:60]}: pass {wanted}")


def numbers_of(name: str, values: object) -> np.ndarray:
    """Return values as a float32 array; FourfloorError in one line where they are not real floats.

    Integers are refused, too: audio that was read as 16-bit integers would count as 90 dB too loud.
    """
    try:
        given = np.asarray(values)
        numbers = None if given.dtype.kind in "biuc" else np.asarray(given, np.float32)
    except (TypeError, ValueError):
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
