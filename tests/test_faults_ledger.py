"""docs/faults.md names a test for every row, or says why there is none."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
LEDGER = (TESTS.parent / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = [*(f"I{number}" for number in range(1, 13)), *(f"T{number}" for number in (*range(1, 10), 11, 13, 14, 15)),
        "W1", "W2", "W3", "W5", "E1", "E2", "E3"]  # fmt: skip


def collected(path: Path) -> set[str]:
    """Name the tests of a file as pytest collects them: functions of the module itself, each name once."""
    names = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body
             if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]  # fmt: skip
    assert len(set(names)) == len(names), f"{path}: a test hides another of its name"
    return set(names)


def test_every_named_test_exists() -> None:
    there = set().union(*(collected(path) for path in TESTS.rglob("test_*.py")))
    named = re.findall(r"`(test_\w+)`", LEDGER)
    assert len(named) > 60
    assert sorted(set(named) - there) == []


def test_every_row_has_a_test_or_a_reason() -> None:
    rows = dict(re.findall(r"^\| ([ITWE]\d+) \| .* \| (.*) \|$", LEDGER, re.MULTILINE))
    assert list(rows) == ROWS
    for row, proof in rows.items():
        assert "`test_" in proof or proof.startswith("none: "), row
