"""Run a command of whatever build is installed, and write what parts of it took, in CPU-seconds, as JSON.

    python hooked.py report.json generate --count 32 --out loops

Nothing but names that all builds have is used: what they are called in the earlier ones is tried, too.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

PLACES = {  # of the functions whose time counts, in this build and in earlier ones
    "decoding": (("fourfloor.generation", "render"),),
    "search": (("fourfloor.copies.index", "CopyIndex.search"), ("fourfloor.evaluation.copying", "CopyIndex.search")),
}
SPENT: dict[str, float] = dict.fromkeys(PLACES, 0.0)
STEPS: list[float] = []  # the process's CPU time at the end of each training step
WARM_UP, COUNTED = 3, 6


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Count the time of the calling thread: a loop is made by one."""

    def call(*args: Any, **given: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*args, **given)
        finally:
            SPENT[name] += time.thread_time() - began

    return call


def hook(name: str, module: str, path: str) -> bool:
    """Time a function of a module or of a class in it; say whether this build has it."""
    try:
        owner: Any = importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    *classes, last = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    setattr(owner, last, timed(name, getattr(owner, last)))
    return True


def hook_steps(report: Path) -> None:
    """Note the time whenever a training writes a step to its log; write the report and leave after a few.

    What comes after the last step, as calibrating and writing loops, does not count.
    """
    from fourfloor.training.log import Log

    write = Log.write

    def noted(self: Log, **record: Any) -> None:
        write(self, **record)
        STEPS.extend([time.process_time()] if "loss" in record else [])
        if len(STEPS) == WARM_UP + COUNTED:
            steps = [after - before for before, after in pairwise(STEPS[WARM_UP - 1 :])]
            report.write_text(json.dumps({"step": median(steps)}))
            os._exit(0)

    Log.write = noted  # type: ignore[method-assign]


def main() -> None:
    """Run the command with hooks and write the report."""
    report = Path(sys.argv.pop(1))
    if sys.argv[1] == "train":
        hook_steps(report)
    else:
        for name, places in PLACES.items():
            if not any(hook(name, *place) for place in places):
                raise RuntimeError(f"{name}: this build has none of {places}")
    from fourfloor.interfaces.cli import main as run

    try:
        run()
    finally:
        report.write_text(json.dumps(SPENT))


if __name__ == "__main__":
    main()
