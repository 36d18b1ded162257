#!/usr/bin/env bash
# ONNX Runtime 1.32.0 from PyPI on Linux. Expected: `import onnxruntime` writes nothing outside its process.
# Seen: the import alone leaves a device ID and a database under ~/.cache/Microsoft. Calling
# disable_telemetry_events() right after the import is too late; ORT_DISABLE_TELEMETRY=1 before it leaves nothing.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 numpy
"$work/venv/bin/python" -c 'import onnxruntime; print("onnxruntime", onnxruntime.__version__)'

left() { # left NAME CODE [VARIABLE=VALUE]: what an import leaves in a home folder of its own
    mkdir "$work/$1"
    env -u XDG_CACHE_HOME -u ORT_DISABLE_TELEMETRY HOME="$work/$1" "${@:3}" "$work/venv/bin/python" -c "$2"
    (cd "$work/$1" && find . -name deviceid | sort | tr '\n' ' ')
}
plain=$(left plain 'import onnxruntime')
called=$(left called 'import onnxruntime; onnxruntime.disable_telemetry_events()')
set_before=$(left set_before 'import onnxruntime' ORT_DISABLE_TELEMETRY=1)
echo "import: ${plain:-nothing}"
echo "import, then disable_telemetry_events(): ${called:-nothing}"
echo "ORT_DISABLE_TELEMETRY=1, import: ${set_before:-nothing}"
[ -n "$plain" ] && [ -n "$called" ] && [ -z "$set_before" ]
