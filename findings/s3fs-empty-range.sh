#!/usr/bin/env bash
# s3fs 2026.9.0 `cat_file` and `cat_ranges` of an empty range (start equal to end), on moto's server. Expected: no bytes, as fsspec's local
# and memory file systems give. Seen: the whole object, as the request says "bytes=3-2", which a server passes over.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q s3fs==2026.9.0 fsspec==2026.9.0 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5 2>/dev/null
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1
v/bin/python - 2>/dev/null <<'P'
from importlib.metadata import version
import fsspec
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
store = fsspec.filesystem("s3", endpoint_url="http://127.0.0.1:%d" % server.get_host_and_port()[1])
store.mkdir("shards")
found = {}
for name, files, path in (("s3fs", store, "shards/x"), ("memory", fsspec.filesystem("memory"), "/x"), ("local", fsspec.filesystem("file"), "x")):
    files.pipe_file(path, b"0123456789")
    found[name] = files.cat_file(path, start=3, end=3), *files.cat_ranges([path] * 2, [0, 2], [0, 4])
    print(name, "[3:3], [0:0] and [2:4] of ten bytes:", found[name])
server.stop()
print("s3fs", version("s3fs"), "fsspec", version("fsspec"), "moto", version("moto"))
whole, right = (b"0123456789", b"0123456789", b"23"), (b"", b"", b"23")
raise SystemExit(0 if found == {"s3fs": whole, "memory": right, "local": right} else "changed")
P
