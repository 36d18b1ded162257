"""What importing and generating do to the process: little, and nothing that stays."""

import json
import subprocess
import sys
import threading

import numpy as np
import torch

import fourfloor as ff
from fourfloor.threads import thread_limit


def test_importing_is_quick_and_imports_no_library() -> None:
    heavy = ("torch", "scipy", "numpy", "soundfile", "typer", "rich")
    code = (
        "import sys, json, time; began = time.process_time(); import fourfloor; "
        f"print(json.dumps([time.process_time() - began, [name for name in {heavy} if name in sys.modules]]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert all(imported == [] for _, imported in runs)
    assert min(seconds for seconds, _ in runs) < 0.05


def test_generating_leaves_the_process_as_it_was() -> None:
    torch.manual_seed(5)
    before = torch.get_num_threads(), torch.get_rng_state(), np.geterr()
    list(ff.load("warehouse").generate_many(2, bars=1, redraws=0))
    after = torch.get_num_threads(), torch.get_rng_state(), np.geterr()
    assert (before[0], *before[2:]) == (after[0], *after[2:])
    assert torch.equal(before[1], after[1])


def test_a_thread_limit_is_of_the_calling_thread_alone() -> None:
    seen = []
    inside, looked = threading.Event(), threading.Event()

    def limited() -> None:
        with thread_limit(3):
            seen.append(torch.get_num_threads())
            inside.set()
            looked.wait(10)
        seen.append(torch.get_num_threads())

    before = torch.get_num_threads()
    thread = threading.Thread(target=limited)
    thread.start()
    inside.wait(10)
    assert torch.get_num_threads() == before
    looked.set()
    thread.join()
    assert seen == [3, before]
