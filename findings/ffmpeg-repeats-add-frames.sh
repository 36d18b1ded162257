#!/usr/bin/env bash
# ffmpeg 5.1 playing one loop of 334,672 frames (364,269 at 48,000 Hz) twice, by `-stream_loop 1` and by the concat demuxer. Expected: twice the length of
# one, or an encoder's delay more for all codecs. Seen: exact for WAV, FLAC, MP3 and Vorbis by -stream_loop; Opus is 312 longer, as only the first pass
# leaves out its start; Vorbis by concat is 128 longer. So the beat slips at each pass.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg >/dev/null; }
ffmpeg -version | sed -n 1p; ffmpeg -v error -f lavfi -i anoisesrc=seed=1:sample_rate=44100:amplitude=0.2 -af atrim=end_sample=334672 loop.wav; found=""
frames() { echo $(($(ffmpeg -v error "$@" -f s16le - | wc -c) / 2)); }
for kind in pcm_s16le:wav flac:flac libmp3lame:mp3 libvorbis:ogg libopus:opus; do
  file=x.${kind#*:}; ffmpeg -v error -y -i loop.wav -c:a ${kind%:*} $file; printf "file '$file'\nfile '$file'\n" >list.txt
  once=$(frames -i $file); more="$(($(frames -stream_loop 1 -i $file) - 2 * once)),$(($(frames -f concat -i list.txt) - 2 * once))"
  echo "$kind: $once once, more than twice that by -stream_loop and by concat: $more"; found="$found $more"
done
[ "$found" = " 0,0 0,0 0,0 0,128 312,0" ] || { echo changed; exit 1; }
