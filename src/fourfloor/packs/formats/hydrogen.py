"""A Hydrogen drumkit of the loops and of the hits in their MIDI, and a song a loop that plays both.

Hydrogen reads neither loop points nor the tempo of a file: the song triggers the loop each time it ends. A hit is cut
from the stem of its track's name, or from the mix where there is none. Tried with h2cli of Hydrogen 1.2.0-beta1.
"""

import gzip
import io
import itertools
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree as ET

import numpy as np

from fourfloor import audio
from fourfloor.packs.contents import Pack, PackedLoop
from fourfloor.packs.notes import NoteTrack

TICKS_PER_BEAT = 48
_BAR = 4 * TICKS_PER_BEAT  # the longest pattern
_LONGEST_HIT, _FADE = 1.0, 0.005  # seconds


def write(pack: Pack) -> list[str]:
    """Write `hydrogen/NAME.h2drumkit` (to be installed first), and `hydrogen/LOOP.h2song` for each loop."""
    for name, loops in pack.banks():
        files = {loop.name: (pack.folder / loop.wav).read_bytes() for loop in loops}
        hits = {loop.name: _hits(pack, loop) for loop in loops}
        for found in hits.values():
            files |= found
        instruments = [_instrument(number, file, name) for number, file in enumerate(files)]
        kit = {"drumkit.xml": _xml(_drumkit(pack, name, instruments))}
        kit |= {f"{file}.wav": content for file, content in files.items()}
        pack.place(f"hydrogen/{name}.h2drumkit").write_bytes(_archive(name, kit))
        numbers = {file: number for number, file in enumerate(files)}
        for loop in loops:
            pack.place(f"hydrogen/{loop.name}.h2song").write_bytes(_xml(_song(pack, loop, instruments, numbers)))
    return []


def _drums(loop: PackedLoop) -> list[tuple[str, NoteTrack]]:
    """Return the drum tracks and the names of their hits; a name twice is taken once."""
    named = {f"{loop.name}_{audio.plain_word(track.name)}": track for track in loop.tracks if track.is_drums}
    return list(named.items())


def _hits(pack: Pack, loop: PackedLoop) -> dict[str, bytes]:
    """Return one hit of each drum track as a WAV: the one with the longest rest before the next."""
    hits = {}
    for name, track in _drums(loop):
        waveform = pack.waveform(loop.stems.get(name.removeprefix(f"{loop.name}_"), loop.wav))
        starts = sorted({round(note.start * loop.frames / loop.beats) for note in track.notes})
        rest, start = max((after - at, at) for at, after in itertools.pairwise([*starts, loop.frames]))
        length = max(1, min(rest, round(_LONGEST_HIT * loop.sample_rate)))
        hit = waveform[:, start : start + length].copy()
        fade = min(length, round(_FADE * loop.sample_rate))
        hit[:, length - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        hits[name] = audio.wave_bytes(name, hit, None, loop.sample_rate)
    return hits


def _instrument(number: int, file: str, kit: str) -> ET.Element:
    root = ET.Element("instrument")
    values = {
        "id": number, "name": file, "drumkit": kit, "drumkitLookup": 2, "volume": 1, "isMuted": "false",
        "isSoloed": "false", "pan": 0, "pitchOffset": 0, "randomPitchFactor": 0, "gain": 1, "applyVelocity": "true",
        "filterActive": "false", "filterCutoff": 1, "filterResonance": 0, "Attack": 0, "Decay": 0, "Sustain": 1,
        "Release": 1000, "muteGroup": -1, "midiOutChannel": -1, "midiOutNote": 36 + number % 92, "isStopNote": "false",
        "sampleSelectionAlgo": "VELOCITY", "isHihat": -1, "lower_cc": 0, "higher_cc": 127, "FX1Level": 0, "FX2Level": 0,
        "FX3Level": 0, "FX4Level": 0,
    }  # fmt: skip
    _add(root, values)
    component = ET.SubElement(root, "instrumentComponent")
    _add(component, {"component_id": 0, "gain": 1})
    layer = ET.SubElement(component, "layer")
    _add(layer, {"filename": f"{file}.wav", "min": 0, "max": 1, "gain": 1, "pitch": 0})
    return root


def _license(pack: Pack) -> str:
    return pack.license or "undefined license"  # Hydrogen's own words


def _components(root: ET.Element) -> None:
    component = ET.SubElement(ET.SubElement(root, "componentList"), "drumkitComponent")
    _add(component, {"id": 0, "name": "Main", "volume": 1})


def _drumkit(pack: Pack, name: str, instruments: Sequence[ET.Element]) -> ET.Element:
    root = ET.Element("drumkit_info", xmlns="http://www.hydrogen-music.org/drumkit")
    license = _license(pack)
    facts = {"name": name, "author": "fourfloor", "info": name}
    _add(root, {**facts, "license": license, "image": "", "imageLicense": license})
    _components(root)
    listed = ET.SubElement(root, "instrumentList")
    for instrument in instruments:  # a kit's schema does not know the two words that tell a song where the kit is
        own = ET.SubElement(listed, "instrument")
        own.extend(child for child in instrument if not child.tag.startswith("drumkit"))
    return root


def _song(pack: Pack, loop: PackedLoop, instruments: Sequence[ET.Element], numbers: dict[str, int]) -> ET.Element:
    """Return a song: the loop twice, then its hits alone."""
    root = ET.Element("song")
    facts = {
        "version": "1.2.0", "bpm": f"{loop.bpm:.9g}", "volume": 1, "metronomeVolume": 0.5, "name": loop.title,
        "author": "fourfloor", "notes": "", "license": _license(pack), "loopEnabled": "true",
        "patternModeMode": "true", "playbackTrackFilename": "", "playbackTrackEnabled": "false",
        "playbackTrackVolume": 0, "action_mode": 0, "mode": "song", "pan_law_type": "RATIO_STRAIGHT_POLYGONAL",
        "pan_law_k_norm": 1.33333, "humanize_time": 0, "humanize_velocity": 0, "swing_factor": 0,
    }  # fmt: skip
    _add(root, facts)
    _components(root)
    ET.SubElement(root, "instrumentList").extend(instruments)
    patterns = ET.SubElement(root, "patternList")
    _pattern(patterns, "loop", [(0, 1.0, numbers[loop.name])])
    _pattern(patterns, "rest", [])
    sequence = ["loop", *["rest"] * (loop.bars - 1)] * 2
    hits = [
        (round(note.start * TICKS_PER_BEAT), note.velocity / 127, numbers[name])
        for name, track in _drums(loop)
        for note in track.notes
    ]
    for bar in range(loop.bars if hits else 0):
        inside = [(tick - bar * _BAR, *rest) for tick, *rest in hits if bar == min(tick // _BAR, loop.bars - 1)]
        _pattern(patterns, f"hits-{bar + 1}", inside)
        sequence.append(f"hits-{bar + 1}")
    groups = ET.SubElement(root, "patternSequence")
    for name in sequence:
        ET.SubElement(ET.SubElement(groups, "group"), "patternID").text = name
    return root


def _pattern(patterns: ET.Element, name: str, notes: Iterable[tuple]) -> None:
    pattern = ET.SubElement(patterns, "pattern")
    _add(pattern, {"name": name, "category": "", "size": _BAR, "denominator": 4, "info": ""})
    listed = ET.SubElement(pattern, "noteList")
    for tick, velocity, instrument in notes:
        values = {
            "position": min(tick, _BAR - 1), "leadlag": 0, "velocity": f"{velocity:.4f}", "pan": 0, "pitch": 0,
            "probability": 1, "key": "C0", "length": -1, "instrument": instrument, "note_off": "false",
        }  # fmt: skip
        _add(ET.SubElement(listed, "note"), values)


def _add(root: ET.Element, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        ET.SubElement(root, name).text = str(value)


def _xml(root: ET.Element) -> bytes:
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _archive(folder: str, files: dict[str, bytes]) -> bytes:
    """Return a tar.gz with fixed times; barely packed, as audio hardly shrinks."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(content.getvalue(), compresslevel=1, mtime=0)
