"""Loops, their stems and their MIDI -> a folder that samplers, DAWs, trackers, live coders and DJ programs open.

In: WAV files of whole bars. Out: the same audio under plain names with its tempo in every file, and beside it one
folder or file a program (`formats`, one writer a file). docs/packs.md says what each program was seen to do with it.
"""

from fourfloor.packs.loops import PackLoop, find_loops
from fourfloor.packs.writing import FORMATS, PackReport, pack

__all__ = ["FORMATS", "PackLoop", "PackReport", "find_loops", "pack"]
