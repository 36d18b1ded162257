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

The package imports at once: torch and the rest are imported when a name of `__all__` is first used.
"""

from typing import TYPE_CHECKING, Any

from fourfloor.errors import FourfloorError

if TYPE_CHECKING:
    from fourfloor.api.generate import Generated, WrittenLoop, generate
    from fourfloor.api.loops import Copy, Loop
    from fourfloor.api.model import Model, load
    from fourfloor.representations.controls import Controls

__version__ = "0.1.0"
__all__ = [
    "Controls",
    "Copy",
    "FourfloorError",
    "Generated",
    "Loop",
    "Model",
    "WrittenLoop",
    "generate",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from fourfloor import api

        return getattr(api, name)
    raise AttributeError(f"module 'fourfloor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
