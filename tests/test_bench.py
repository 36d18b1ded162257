"""The bench: what a process took, what is compared, and the page that says so."""

import json
import sys

import pytest
from benching import report
from benching.measure import measured
from benching.report import Row


def test_a_process_is_measured_with_those_that_it_waited_for() -> None:
    work = "sum(range(4_000_000)); x = bytearray(60_000_000)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    usage = measured([sys.executable, "-c", code])
    assert usage["peak_mb"] > 60
    assert usage["cpu"] > 0.05
    assert usage["wall"] > 0.05
    ballast = bytearray(b"x" * 200_000_000)  # of the process that measures: it does not count
    assert measured([sys.executable, "-I", "-S", "-c", "pass"])["peak_mb"] < 60
    del ballast
    with pytest.raises(RuntimeError, match=r"(?s)exit code 1.*no such thing"):
        measured([sys.executable, "-c", "raise SystemExit('no such thing')"])


def builds() -> tuple[dict[str, list[dict[str, float]]], dict[str, list[dict[str, float]]]]:
    def build(cpu: float) -> dict[str, list[dict[str, float]]]:
        process = {"wall": cpu, "cpu": cpu, "peak_mb": 100 * cpu}
        many = {"wall": 9 * cpu, "cpu": 9 * cpu, "peak_mb": 100 * cpu, "decoding": 8.0, "search": 4 * cpu}
        step = [{**process, "step": cpu}]
        return {"first": [process], "loops": [many], "ingest": [process], "prior": step, "decoder": step}

    return build(4.0), build(1.0) | {"verbs": [{"wall": 1.0, "cpu": 1.0, "peak_mb": 1.0, "vary": 6.0, "rekit": 3.0}]}


def test_rows_compare_medians_and_know_their_targets() -> None:
    rows = {row.name: row for row in report.rows(*builds(), loops=5, sizes=(500.0, 400.0))}
    assert (rows["first loop"].before, rows["first loop"].now, rows["first loop"].ratio) == (4.0, 1.0, 0.25)
    assert (rows["each further loop"].before, rows["each further loop"].now) == (8.0, 2.0)
    assert (rows["decoding, a loop"].now, rows["decoding, a loop"].verdict) == (1.6, "missed")
    assert (rows["copy search, a loop"].ratio, rows["copy search, a loop"].verdict) == (0.25, "met")
    assert rows["installed for generating"].verdict == "missed"
    assert Row(name="x", unit="s", before=1.0, now=2.0).verdict == ""


def test_the_page_and_its_line_hold_every_number() -> None:
    before, now = builds()
    facts = {
        "command": "make bench", "commit": "abc", "against": "def", "date": "2026-11-27", "machine": "2 cores, X",
        "load": 3.25, "runs": 3, "loops": 5, "rows": report.rows(before, now, 5, (500.0, 100.0)),
        "verbs": report.verb_speeds(now), "peers": report.peer_rows({"sa3-small": [{"loop": 80.0}]}, 2.0),
    }  # fmt: skip
    page = report.page(facts)
    assert "| first loop | s | 4 | 1 | 0.25 | ≤ 0.30 | met |" in page
    assert "| vary | 6.0 | met |\n| rekit | 3.0 | missed |" in page
    assert "| sa3-small | 40 | ≥ 35 | met |" in page
    assert [line for line in page.splitlines() if len(line) > 100 and not line.startswith("|")] == []
    line = json.loads(report.line(facts))
    assert (line["commit"], line["verbs"], line["peers"]) == ("abc", {"vary": 6.0, "rekit": 3.0}, {"sa3-small": 40.0})
    assert line["rows"][0]["ratio"] == 0.25
