"""The curve of a training: thinned out, whatever the log holds."""

import json
from pathlib import Path

from fourfloor.studio import runs


def test_a_long_log_becomes_a_curve_with_its_last_step_and_every_held_out_loss(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    records = [{"step": step, "loss": 1 / step, "other": 0.5} for step in range(1, 5001)]
    for record in records[499::500]:
        record["validation"] = 2.0
    log.write_text("".join(json.dumps(record) + "\n" for record in records))
    points = runs.curve(log)
    assert runs.MAX_POINTS <= len(points) <= runs.MAX_POINTS + 30
    assert [point["step"] for point in points if "validation" in point] == list(range(500, 5001, 500))
    assert points[0] == {"step": 1, "loss": 1.0}
    assert points[-1] == {"step": 5000, "loss": 1 / 5000, "validation": 2.0}


def test_lines_that_hold_no_step_are_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"step": 1, "loss": 2.5}\n[1]\n"step"\n\xff\xfe\n{"step": 2, "loss": NaN}\n{"step": 3, "lo')
    assert runs.curve(log) == [{"step": 1, "loss": 2.5}]
    assert runs.curve(tmp_path / "gone") == []
