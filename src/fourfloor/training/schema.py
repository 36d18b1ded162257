"""What the JSON half of a checkpoint may hold: every value that is read from it is checked here."""

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from fourfloor import stages
from fourfloor.representations.controls import is_scale


def problem(meta: dict[str, Any], needed: Iterable[str] = ()) -> str | None:
    """Return what is wrong with a checkpoint's description in a few words, or None.

    `needed` names the entries that must be there; what else is there must have the right type and range.
    """
    missing = next((name for name in needed if name not in meta), None)
    if missing:
        return f"{missing} is missing"
    wrong = next((name for name, holds in CHECKS.items() if name in meta and not holds(meta[name])), None)
    if wrong:
        return f"{wrong} is {meta[wrong]!r:.40}"
    best = meta.get("best_step")
    return f"best_step {best} comes after step {meta['step']}" if best is not None and best > meta["step"] else None


def _is_count(value: object, low: int = 0, high: int = 2**63) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < high


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_table(value: object, holds: Callable[[object], bool]) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) and holds(held) for key, held in value.items())


def _is_random_state(value: object) -> bool:
    """Return whether numpy's default generator can be put into this state."""
    if not (isinstance(value, dict) and value.get("bit_generator") == "PCG64" and isinstance(value.get("state"), dict)):
        return False
    large = all(_is_count(value["state"].get(name), high=2**128) for name in ("state", "inc"))
    return large and _is_count(value.get("has_uint32"), high=2) and _is_count(value.get("uinteger"), high=2**32)


def _or_none(holds: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or holds(value)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "step": _is_count,
    "version": _is_text,
    "commit": _or_none(stages.is_name),
    "recipe_name": stages.is_name,
    "stages": stages.are_sound,
    "recipe": lambda value: _is_table(value, lambda table: _is_table(table, lambda entry: True)),
    "shape": lambda value: _is_table(value, _is_count),
    "vocabulary": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "control_quantiles": _or_none(is_scale),
    "data_hash": _is_text,
    "parent": _or_none(_is_text),
    "elapsed": lambda value: _is_number(value) and value >= 0,
    "best_step": _or_none(_is_count),
    "best_score": _or_none(_is_number),
    "stale_checks": _is_count,
    "planned_steps": _or_none(_is_count),
    "checked_step": _or_none(_is_count),
    "low_steps": lambda value: _is_table(value, _is_count),
    "optimizers": lambda value: _is_table(value, lambda rest: _is_table(rest, _is_number)),
    "rng": _is_random_state,
    "threads": lambda value: _is_count(value, 1, 4097),
}
