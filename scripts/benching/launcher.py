"""Run a command, and write the time and the memory of its process and of those that it waited for, as JSON.

    python -I -S launcher.py report.json COMMAND...

A process of its own, which imports next to nothing: the kernel counts what the process that starts a command holds
as memory of the command.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    began = time.perf_counter()
    child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    with open(sys.argv[1], "w") as report:
        json.dump({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": peak}, report)
    sys.exit(os.waitstatus_to_exitcode(status))
