#!/usr/bin/env bash
# diffusers 0.42.1 `FlowMatchEulerDiscreteScheduler.set_timesteps(5)`. Expected: five equal steps of 0.2 from noise (1) to data (0). Seen: four steps of
# about 0.25 and a fifth of 0.001, so one call of the network in five moves nothing; with `shift=3` the end is shifted twice (0.0089 for 0.003).
# `set_timesteps(sigmas=[1, 0.8, 0.6, 0.4, 0.2])` takes equal steps.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q diffusers==0.42.1 numpy==2.4.6 torch==2.13.0 2>/dev/null
v/bin/python -W ignore - <<'P'
import diffusers, numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler
def steps(shift=1.0, **given):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(**given)
    return scheduler.sigmas.numpy()
plain, shifted, given = steps(num_inference_steps=5), steps(3.0, num_inference_steps=5), steps(sigmas=[1, 0.8, 0.6, 0.4, 0.2])
smallest = float(FlowMatchEulerDiscreteScheduler(shift=3.0).sigma_min)
print("diffusers", diffusers.__version__, "noise level before each of 5 steps, and at the end:", *(each.round(4) for each in (plain, shifted, given)))
print("smallest level of training with shift 3:", round(smallest, 4))
same = np.allclose(plain, [1, 0.75025, 0.5005, 0.25075, 0.001, 0], atol=1e-4) and np.allclose(given, [1, 0.8, 0.6, 0.4, 0.2, 0], atol=1e-6)
raise SystemExit(0 if same and abs(smallest - 0.003) < 1e-4 and abs(shifted[4] - 0.0089) < 1e-4 else "changed")
P
