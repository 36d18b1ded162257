"""The files of a comparison: which ones there are, which may be replaced, and how they are written."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourfloor.api.outputs import refuse_existing
from fourfloor.reading import read_file
from fourfloor.saving import save_file

if TYPE_CHECKING:
    from fourfloor.comparing.report import Comparison
    from fourfloor.evaluation.sources import Sample

BASELINE = "beat slices, no network"
MAX_BYTES = 1 << 28
REPORT = ("comparison.json", "comparison.md", "comparison.html")


def refuse_another(out: Path, systems: Collection[str], data_hash: str, n: int, seed: int) -> None:
    """Raise FourfloorError where a folder holds another comparison; the same one, or a part of it, goes on."""
    try:
        saved = json.loads(read_file(out / REPORT[0], MAX_BYTES))
        names = {row["name"] for row in saved["systems"]}
        same = [saved[key] for key in ("data_hash", "n", "seed")] == [data_hash, n, seed]
        goes_on = same and names <= {*systems, BASELINE}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # none there, or not ours
        goes_on = False
    if not goes_on:
        refuse_existing(out, REPORT)


def write_comparison(
    out: Path, comparison: "Comparison", excerpts: "dict[str, list[Sample]]", logs: dict[str, Any]
) -> None:
    """Write comparison.json, .md and .html into a folder, each whole or not at all."""
    from fourfloor.comparing.report import markdown, page

    contents = (comparison.to_json(), markdown(comparison), page(comparison, excerpts, logs))
    for name, text in zip(REPORT, contents, strict=True):
        save_file(out / name, text.encode(errors="backslashreplace"))  # a name may hold any bytes
