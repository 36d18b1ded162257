#!/usr/bin/env bash
# pretty_midi 0.2.11 `get_piano_roll` of a bar of kicks and hats on channel 10. Expected: the notes at their pitches, as symusic 0.6.0's `pianoroll` gives,
# or an error. Seen: an array of the right shape with nothing in it, as drums are left out; the text that describes the function does not say so.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pretty_midi==0.2.11 symusic==0.6.0 mido==1.3.3 numpy==2.4.6 'setuptools<81' 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import mido, pretty_midi, symusic
found = {}
for channel in (0, 9):
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(track := mido.MidiTrack())
    for step in range(16):
        pitch = 36 if step % 4 == 0 else 42
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=100, time=0))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=120))
    song.save("bar.mid")
    ours, other = pretty_midi.PrettyMIDI("bar.mid"), symusic.Score("bar.mid")
    rolls = ours.get_piano_roll(100), ours.instruments[0].get_piano_roll(100), other.tracks[0].pianoroll(modes=["frame"])
    found[channel + 1] = [len(ours.instruments[0].notes), *(int((roll != 0).sum()) for roll in rolls)]
print("pretty_midi", version("pretty_midi"), "by channel: notes, filled cells of the file's roll, the instrument's, symusic's:", found)
raise SystemExit(0 if found[1][1] > 100 and found[10][:3] == [16, 0, 0] and found[10][3] == found[1][3] > 100 else "changed")
P
