#!/usr/bin/env bash
# A peak just above full scale written as floats into an int16 array of zarr 3.1.6 and of h5py 3.16.0. Expected: both alike. Seen: h5py writes full scale,
# zarr the opposite sign (32,800 becomes -32,736), a full-scale click, without a warning. Round and clip before zarr; both cut off the fraction.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q zarr==3.1.6 h5py==3.16.0 numpy==2.4.6 2>/dev/null
v/bin/python -W error - <<'P'
import h5py, numpy as np, zarr
audio = np.array([0.9, -0.9, 32_766.6, 32_800.0, -32_800.0])
in_zarr = zarr.open_array("x.zarr", mode="w", shape=audio.shape, dtype="int16")
in_zarr[:] = audio
with h5py.File("x.h5", "w") as file:
    in_hdf5 = file.create_dataset("x", audio.shape, dtype="int16")
    in_hdf5[:] = audio
    found = {"zarr": in_zarr[:].tolist(), "h5py": in_hdf5[:].tolist()}
print("zarr", zarr.__version__, "h5py", h5py.__version__, audio.tolist(), "become", found)
raise SystemExit(0 if found == {"zarr": [0, 0, 32_766, -32_736, 32_736], "h5py": [0, 0, 32_766, 32_767, -32_768]} else "changed")
P
