"""fourfloor: new house & techno loops from a folder of tracks.

The path, in the order of the source tree:

    audio            files <-> waveforms
    ingestion        a folder of tracks -> a catalogue of loops
    producer         rule-written loops -> a catalogue of loops
    dataset          a catalogue -> seeded batches
    representations  a waveform <-> what a model sees
    models           one family a file
    training         the loop, checkpoints
    loading          run folders and the package -> trained models
    generation       a model -> exact-length, tagged WAV loops
    copies           is a loop a copy, and who decides?
    evaluation       are they music, in the style, and new?
    api              the whole path, one function a verb
    comparing        recipes side by side, in one table
    verbs            what an engineer and the command line call

The package imports at once: torch and the rest are imported when a name of `__all__` is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from fourfloor.errors import FourfloorError

if TYPE_CHECKING:
    from fourfloor.api.generate import Generated, WrittenLoop, generate
    from fourfloor.api.loops import Copy, Loop
    from fourfloor.api.model import Model, load
    from fourfloor.api.models import ModelList, list_models
    from fourfloor.producer import produce
    from fourfloor.representations.controls import Controls
    from fourfloor.verbs.arrange import ArrangedSection, Arrangement, arrange
    from fourfloor.verbs.edit import midi, rekit, stems
    from fourfloor.verbs.edited import MidiFile, ReplayedFile, StemFiles
    from fourfloor.verbs.ingest import ingest
    from fourfloor.verbs.judge import compare, evaluate
    from fourfloor.verbs.pack import pack
    from fourfloor.verbs.train import Exported, Run, export, train

__version__ = "0.1.0"
__all__ = [
    "ArrangedSection", "Arrangement", "Controls", "Copy", "Exported", "FourfloorError", "Generated", "Loop", "MidiFile",
    "Model", "ModelList", "ReplayedFile", "Run", "StemFiles", "WrittenLoop", "arrange", "compare", "evaluate", "export",
    "generate", "ingest", "list_models", "load", "midi", "pack", "produce", "rekit", "stems", "train",
]  # fmt: skip
_MODULES = {
    "fourfloor.api": ("Controls", "Copy", "Generated", "Loop", "Model", "WrittenLoop", "generate", "load"),
    "fourfloor.api.models": ("ModelList", "list_models"),
    "fourfloor.producer": ("produce",),
    "fourfloor.verbs.arrange": ("ArrangedSection", "Arrangement", "arrange"),
    "fourfloor.verbs.edit": ("midi", "rekit", "stems"),
    "fourfloor.verbs.edited": ("MidiFile", "ReplayedFile", "StemFiles"),
    "fourfloor.verbs.ingest": ("ingest",),
    "fourfloor.verbs.judge": ("compare", "evaluate"),
    "fourfloor.verbs.pack": ("pack",),
    "fourfloor.verbs.train": ("Exported", "Run", "export", "train"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'fourfloor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
