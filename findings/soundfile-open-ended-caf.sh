#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2) calls a CAF malformed whose data chunk has size -1 ("to the end", as CAF allows),
# which is what ffmpeg 5.1 writes to a pipe; the same audio written to a file opens.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 av==18.1.0 2>/dev/null
sine="-f lavfi -i sine=duration=3:sample_rate=44100"; ffmpeg -version | sed -n 1p
ffmpeg -v error $sine -f caf - | cat >pipe.caf; ffmpeg -v error $sine file.caf
v/bin/python - <<'P'
import av, soundfile as s
def frames(name):
    try:
        return len(s.read(name)[0])
    except s.LibsndfileError as error:
        return error.error_string
decoded = sum(frame.samples for frame in av.open("pipe.caf").decode(audio=0))
found = frames("file.caf"), frames("pipe.caf"), decoded
print(s.__version__, s.__libsndfile_version__, "132300 frames in: file %s, pipe %r; PyAV pipe %s" % found)
raise SystemExit(0 if found[0] == found[2] == 132300 and "malformed" in str(found[1]) else "changed")
P
