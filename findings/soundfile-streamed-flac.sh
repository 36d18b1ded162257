#!/usr/bin/env bash
# soundfile 0.14.0 claims 2**63 - 1 frames for a FLAC written to a pipe (count unknown, as FLAC allows) and reads it
# neither whole nor in blocks; mutagen 1.48.1 says 0 s. miniaudio 1.71 reads all of it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 mutagen==1.48.1 miniaudio==1.71 2>/dev/null
ffmpeg -v error -f lavfi -i sine=duration=3:sample_rate=44100 -f flac - | cat >x.flac; ffmpeg -version | sed -n 1p
v/bin/python - <<'P'
import miniaudio, mutagen, soundfile as s
def outcome(call):
    try:
        return call()
    except Exception as error:
        return str(error)[:32]
whole = outcome(lambda: len(s.read("x.flac")[0]))
blocks = outcome(lambda: sum(len(b) for b in s.SoundFile("x.flac").blocks(4096)))
other = miniaudio.decode_file("x.flac").num_frames
found = s.info("x.flac").frames, whole, blocks, other, mutagen.File("x.flac").info.length
print(s.__version__, s.__libsndfile_version__, "132300 frames in: info %s, read() %r, blocks() %r; miniaudio %s, mutagen %s s" % found)
raise SystemExit(0 if found[0] == 2**63 - 1 and isinstance(whole, str) and isinstance(blocks, str) and found[3:] == (132300, 0) else "changed")
P
