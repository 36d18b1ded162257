"""A command -> the time and the memory of its process and of those that it waited for."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "", "NO_COLOR": "1"}


def measured(command: Sequence[str | Path]) -> dict[str, float]:
    """Run a command to its end; return its wall seconds, CPU-seconds and peak MB. RuntimeError where it fails."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=errors, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{said}")
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": peak}


def reported(python: Path, script: str, *arguments: str | Path) -> dict[str, float]:
    """Run a script of this folder, and add the numbers it writes to those of its process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        usage = measured([python, HERE / script, report, *arguments])
        return {**usage, **json.loads(report.read_text())}
