#!/usr/bin/env bash
# GStreamer 1.22 (gst-launch-1.0) decoding Ogg Vorbis and resampling one second of 44,100 Hz to 48,000. Expected: 44,100 and 48,000 frames. Seen: 44,101
# and 47,999: its clocks count whole nanoseconds, and `audioresample` drops the last started frame. oggdec, ffmpeg and SoX give the expected.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in gst-launch-1.0:gstreamer1.0-tools oggenc:vorbis-tools; do
  command -v ${program%:*} >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ${program#*:} >/dev/null; }
done
for plugin in wavparse:good vorbisdec:base; do
  gst-inspect-1.0 ${plugin%:*} >/dev/null 2>&1 || apt-get install -yqq --no-install-recommends gstreamer1.0-plugins-${plugin#*:} >/dev/null
done
python3 - <<'P'
import random, struct, wave
random.seed(0)
for count in (44_100, 334_672):
    w = wave.open(f"{count}.wav", "wb"); w.setnchannels(2); w.setsampwidth(2); w.setframerate(44_100)
    w.writeframes(struct.pack(f"<{2 * count}h", *(random.randint(-9_000, 9_000) for _ in range(2 * count)))); w.close()
P
frames() { echo $(($(stat -c %s "$1") / 4)); }
found=""; gst-launch-1.0 --version | sed -n 1p
for count in 44100 334672; do
  oggenc -Q $count.wav -o $count.ogg; oggdec -Q -R $count.ogg -o oggdec.raw
  gst-launch-1.0 -q filesrc location=$count.ogg ! oggdemux ! vorbisdec ! audioconvert ! audio/x-raw,format=S16LE ! filesink location=decoded.raw
  gst-launch-1.0 -q filesrc location=$count.wav ! wavparse ! audioconvert ! audioresample ! audio/x-raw,rate=48000,format=S16LE ! filesink location=48.raw
  found="$found $(frames oggdec.raw),$(frames decoded.raw),$(frames 48.raw)"
done
set -- $found; echo "44100 frames as Vorbis by oggdec and by GStreamer, and at 48,000 Hz (48000): $1; of 334672 (364269): $2"
[ "$found" = " 44100,44101,47999 334672,334673,364268" ] || { echo changed; exit 1; }
