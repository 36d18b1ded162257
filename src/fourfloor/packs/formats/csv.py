"""A table of the loops, one a line, for spreadsheets and catalogs."""

import csv
import io

from fourfloor.packs.contents import Pack

_COLUMNS = (
    "file", "title", "bpm", "bars", "key", "seconds", "frames", "sample_rate", "channels", "model", "style", "seed",
    "license", "stems", "midi",
)  # fmt: skip


def write(pack: Pack) -> list[str]:
    """Write `loops.csv`."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for loop in pack.loops:
        facts = [loop.facts.get(name, "") for name in ("model", "style", "seed")]
        table.writerow([
            loop.wav, _inert(loop.title), f"{loop.bpm:g}", loop.bars, _inert(loop.key or ""), f"{loop.seconds:.6f}",
            loop.frames, loop.sample_rate, loop.channels, *map(_inert, facts), _inert(pack.license),
            " ".join(loop.stems), "yes" if loop.midi else "no",
        ])  # fmt: skip
    pack.write_text("loops.csv", text.getvalue())
    return []


def _inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
