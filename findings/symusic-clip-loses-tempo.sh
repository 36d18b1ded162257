#!/usr/bin/env bash
# symusic 0.6.0 `clip` of the second bar out of two at 126.5 BPM, from a score in ticks, quarters and seconds. Expected: each keeps the tempo and the time
# signature that hold there. Seen: only ticks do; clipped in quarters or seconds both are gone, so the bar is saved at 120 BPM.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q symusic==0.6.0 numpy==2.4.6 mido==1.3.3 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import mido, symusic
file = mido.MidiFile(ticks_per_beat=480)
track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=474_308), mido.MetaMessage("time_signature", numerator=4, denominator=4)])
for beat in range(8):
    track += [mido.Message("note_on", note=36, channel=9, time=360 if beat else 0), mido.Message("note_off", note=36, channel=9, time=120)]
file.tracks.append(track)
file.save("two_bars.mid")
score, beat, found = symusic.Score("two_bars.mid"), 0.474308, {}
for unit, start, end in (("tick", 1920, 3840), ("quarter", 4, 8), ("second", 3.99 * beat, 8 * beat)):
    clip = score.to(unit).clip(start, end)
    clip.to("tick").dump_midi("bar.mid")
    tempi = [message.tempo for track in mido.MidiFile("bar.mid").tracks for message in track if message.type == "set_tempo"]
    found[unit] = len(clip.tracks[0].notes), tempi, len(clip.time_signatures)
print("symusic", version("symusic"), "second bar: notes, tempi in the saved file, time signatures:", found)
raise SystemExit(0 if found == {"tick": (4, [474_308], 1), "quarter": (4, [], 0), "second": (4, [], 0)} else "changed")
P
