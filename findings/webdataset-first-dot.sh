#!/usr/bin/env bash
# WebDataset 1.0.2 ends a sample's key at the first dot: names with a decimal (loop_126.5bpm_0) collapse into few samples.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q webdataset==1.0.2 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
import io, tarfile, webdataset
with tarfile.open("s.tar", "w") as t:
    for i in range(20):
        e = tarfile.TarInfo(f"loop_126.5bpm_s{i:03d}.txt"); e.size = 1; t.addfile(e, io.BytesIO(b"x"))
got = list(webdataset.WebDataset("s.tar", shardshuffle=False))
print(webdataset.__version__, "20 files written,", len(got), "sample(s) read, key", got[0]["__key__"])
raise SystemExit(len(got) != 1)
P
