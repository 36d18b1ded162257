#!/usr/bin/env bash
# torch 2.13.0: an optimizer made while a gloo group exists. Expected: `destroy_process_group` ends the group's threads, as without one. Seen: they
# live on to the end of the process. Optimizers import torch.distributed.nn.functional, whose functions take the group of that moment as default of
# an argument; imported before the group is made, nothing stays. (One of some fifty trainings of ours then aborted at its end.)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q torch==2.13.0 numpy==2.4.6 2>/dev/null
cat >one.py <<'P'
import sys
from pathlib import Path
import torch
from torch import distributed
if "import-first" in sys.argv:
    import torch.distributed.nn.functional
distributed.init_process_group("gloo", init_method=f"file://{Path('store').absolute()}", rank=0, world_size=1)
if "optimizer" in sys.argv:
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
distributed.destroy_process_group()
threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
print(sum("gloo" in name for name in threads))
P
left() { rm -f store; v/bin/python -W ignore one.py "$@"; }
none=$(left); with=$(left optimizer); first=$(left import-first optimizer)
echo "torch $(v/bin/python -c 'import torch; print(torch.__version__)'), gloo threads left without an optimizer $none, with one $with, import first $first"
[ "$none" = 0 ] && [ "$with" -gt 0 ] && [ "$first" = 0 ]
