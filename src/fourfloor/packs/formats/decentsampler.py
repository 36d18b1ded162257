"""DecentSampler presets: every loop on a key of its own, and for each loop its sixteenths on keys.

Not run: the program is closed. The attributes are those of its published format reference.
"""

import itertools
from xml.etree import ElementTree as ET

from fourfloor.packs.contents import LOWEST_KEY, Pack


def write(pack: Pack) -> list[str]:
    """Write `decentsampler/NAME.dspreset`, and `decentsampler/LOOP_slices.dspreset` for each loop."""
    for name, loops in pack.banks():
        root, group = _preset()
        for key, loop in enumerate(loops, LOWEST_KEY):
            last = str(loop.frames - 1)
            _sample(group, loop.wav, key).attrib.update(loopEnabled="true", loopStart="0", loopEnd=last)
        _save(pack, name, root)
    for loop in pack.loops:
        root, group = _preset()
        for key, (start, end) in enumerate(itertools.pairwise(loop.slices()), LOWEST_KEY):
            _sample(group, loop.wav, key).attrib.update(start=str(start), end=str(end - 1), loopEnabled="false")
        _save(pack, f"{loop.name}_slices", root)
    return []


def _preset() -> tuple[ET.Element, ET.Element]:
    root = ET.Element("DecentSampler", minVersion="1.0.0")
    groups = ET.SubElement(root, "groups", ampVelTrack="0", attack="0", release="0.01")
    return root, ET.SubElement(groups, "group")


def _sample(group: ET.Element, wav: str, key: int) -> ET.Element:
    note = str(key)
    return ET.SubElement(group, "sample", path=f"../{wav}", rootNote=note, loNote=note, hiNote=note)


def _save(pack: Pack, name: str, root: ET.Element) -> None:
    ET.indent(root)
    content = ET.tostring(root, encoding="unicode")
    pack.write_text(f"decentsampler/{name}.dspreset", f'<?xml version="1.0" encoding="UTF-8"?>\n{content}\n')
