"""A command -> the time and the memory of its process and of those that it waited for."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


def measured(command: Sequence[str | Path]) -> dict[str, float]:
    """Run a command to its end; return its wall seconds, CPU-seconds and peak MB. RuntimeError where it fails."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "usage.json"
        launcher = [sys.executable, "-I", "-S", HERE / "launcher.py", report, *command]
        done = subprocess.run(launcher, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr[-2000:]}")
        return json.loads(report.read_text())


def reported(python: Path, script: str, *arguments: str | Path) -> dict[str, float]:
    """Run a script of this folder, and add the numbers it writes to those of its process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        usage = measured([python, HERE / script, report, *arguments])
        return {**usage, **json.loads(report.read_text())}
