"""A DAWproject: the loops one after the other, each twice, one track a loop and stem, and its MIDI.

A zip of two XML files and the audio (Bitwig, "DAWproject 1.0"). Clips are wrapped once, since Studio One takes no MIDI
clip inside a clip; there is one tempo. Tried with Bitwig's XSD by xmllint and with openDAW's reader
(@opendaw/lib-dawproject 0.0.78). Not run: Bitwig, Studio One, Cubase.
"""

import zipfile
from xml.etree import ElementTree as ET

from fourfloor import __version__, audio
from fourfloor.packs.contents import Pack, PackedLoop
from fourfloor.packs.folder import write_entry
from fourfloor.packs.notes import Note

PASSES = 2  # a clip is this many times as long as its loop


def write(pack: Pack) -> list[str]:
    """Write `NAME.dawproject`; say which loops have another tempo than the project."""
    with zipfile.ZipFile(pack.place(f"{pack.name}.dawproject"), "w") as file:
        write_entry(file, "project.xml", _xml(_project(pack)))
        write_entry(file, "metadata.xml", _xml(_metadata(pack)))
        for name in (name for loop in pack.loops for name in (loop.wav, *loop.stems.values())):
            write_entry(file, f"audio/{name}", (pack.folder / name).read_bytes())
    tempo = pack.loops[0].bpm
    others = [loop for loop in pack.loops if loop.bpm != tempo]
    return [
        f"{pack.name}.dawproject has {tempo:g} BPM; {loop.name} ({loop.bpm:g}) is stretched to it" for loop in others
    ]


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True)


def _metadata(pack: Pack) -> ET.Element:
    root = ET.Element("MetaData")
    ET.SubElement(root, "Title").text = pack.name
    if pack.license:
        ET.SubElement(root, "Copyright").text = pack.license
    return root


class _Tracks:
    """Grow the two halves of a project: a track in the structure, and its lane of clips in the arrangement."""

    def __init__(self, structure: ET.Element, lanes: ET.Element):
        self.structure, self.lanes = structure, lanes
        self.number = 0

    def add(self, name: str, content: str, muted: bool = False, role: str = "regular") -> ET.Element:
        self.number += 1
        track = ET.SubElement(
            self.structure, "Track", contentType=content, loaded="true", id=f"track{self.number}", name=name
        )
        channel = ET.SubElement(
            track, "Channel", audioChannels="2", role=role, solo="false", id=f"channel{self.number}"
        )
        if role != "master":
            channel.set("destination", "channel1")
        ET.SubElement(channel, "Mute", value="true" if muted else "false", id=f"mute{self.number}", name="Mute")
        ET.SubElement(
            channel, "Pan", unit="normalized", min="0.0", max="1.0", value="0.5", id=f"pan{self.number}", name="Pan"
        )
        ET.SubElement(
            channel, "Volume", unit="linear", min="0.0", max="2.0", value="1.0", id=f"volume{self.number}",
            name="Volume",
        )  # fmt: skip
        lane = ET.SubElement(self.lanes, "Lanes", track=f"track{self.number}", id=f"lane{self.number}")
        return ET.SubElement(lane, "Clips", id=f"clips{self.number}")


def _project(pack: Pack) -> ET.Element:
    root = ET.Element("Project", version="1.0")
    ET.SubElement(root, "Application", name="fourfloor", version=__version__)
    transport = ET.SubElement(root, "Transport")
    tempo = f"{pack.loops[0].bpm:.6f}"
    ET.SubElement(transport, "Tempo", unit="bpm", min="20.0", max="999.0", value=tempo, id="tempo", name="Tempo")
    ET.SubElement(transport, "TimeSignature", denominator="4", numerator="4", id="meter")
    structure = ET.SubElement(root, "Structure")
    arrangement = ET.SubElement(root, "Arrangement", id="arrangement")
    lanes = ET.SubElement(arrangement, "Lanes", timeUnit="beats", id="lanes")
    tracks = _Tracks(structure, lanes)
    tracks.add("Master", "audio notes", role="master")
    start = 0
    for loop in pack.loops:
        _audio_clip(tracks.add(loop.name, "audio"), pack, loop, loop.wav, start)
        for stem, file in loop.stems.items():  # muted: with the mix they would sound twice
            _audio_clip(tracks.add(f"{loop.name} {stem}", "audio", muted=True), pack, loop, file, start)
        for track in loop.tracks:
            _note_clip(tracks.add(f"{loop.name} {track.name}", "notes"), loop, track.notes, start)
        start += PASSES * loop.beats
    return root


def _clip(clips: ET.Element, loop: PackedLoop, start: int) -> ET.Element:
    return ET.SubElement(
        clips, "Clip", time=f"{start}.0", duration=f"{PASSES * loop.beats}.0", contentTimeUnit="beats",
        playStart="0.0", loopStart="0.0", loopEnd=f"{loop.beats}.0", name=loop.title,
    )  # fmt: skip


def _audio_clip(clips: ET.Element, pack: Pack, loop: PackedLoop, file: str, start: int) -> None:
    warps = ET.SubElement(_clip(clips, loop, start), "Warps", contentTimeUnit="seconds", timeUnit="beats")
    seconds = repr(loop.seconds)
    channels = str(audio.probe(pack.folder / file).channels)  # a stem may be mono where its loop is stereo
    content = ET.SubElement(
        warps, "Audio", algorithm="stretch", channels=channels, duration=seconds, sampleRate=str(loop.sample_rate)
    )
    ET.SubElement(content, "File", path=f"audio/{file}")
    ET.SubElement(warps, "Warp", time="0.0", contentTime="0.0")
    ET.SubElement(warps, "Warp", time=f"{loop.beats}.0", contentTime=seconds)


def _note_clip(clips: ET.Element, loop: PackedLoop, notes: tuple[Note, ...], start: int) -> None:
    container = ET.SubElement(_clip(clips, loop, start), "Notes")
    for note in notes:
        ET.SubElement(
            container, "Note", time=f"{note.start:.6f}", duration=f"{note.duration:.6f}", channel=str(note.channel),
            key=str(note.pitch), vel=f"{note.velocity / 127:.6f}", rel="0.0",
        )  # fmt: skip
