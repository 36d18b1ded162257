#!/usr/bin/env bash
# litdata 0.2.76, beside torchcodec 0.17.0, `optimize` of samples such as {"name": "loop0.wav", "bpm": 126.5}. Expected: the name comes back as text.
# Seen: it does where no file of that name lies in the working folder; where one does, the file's audio is stored in place of the name, so the same code
# gives other types and sizes. (Without torchcodec, which it does not require, it raises there.)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q litdata==0.2.76 torch==2.14.1 numpy==2.4.6 soundfile==0.14.0 torchcodec==0.17.0 2>/dev/null
cat > make.py <<'P'
import pathlib, sys
from importlib.metadata import version
import litdata, numpy as np, soundfile
def sample(number):
    return {"name": f"loop{number}.wav", "bpm": 126.5}
if __name__ == "__main__":
    found = {}
    for there in (False, True):
        for number in range(3):
            if there:
                soundfile.write(f"loop{number}.wav", np.zeros(44_100), 44_100)
        folder = f"shards-{there}"
        litdata.optimize(fn=sample, inputs=[0, 1, 2], output_dir=folder, chunk_bytes="10MB", num_workers=1)
        size = sum(path.stat().st_size for path in pathlib.Path(folder).glob("*.bin"))
        found[there] = [type(litdata.StreamingDataset(folder)[0]["name"]).__name__, size > 200_000]
    print("litdata", version("litdata"), "files of those names there: type of the name, shards above 200 kB:", found)
    raise SystemExit(0 if found[False] == ["str", False] and found[True][0] != "str" and found[True][1] else "changed")
P
TMPDIR=$work v/bin/python -W ignore make.py 2>&1 | grep -v '^ *$' | tail -1
[ "${PIPESTATUS[0]}" = 0 ]
