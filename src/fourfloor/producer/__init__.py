"""The producer: a rule-based house & techno producer, endless licence-free loops to train on.

A seed goes in; a seamless, sample-exact stereo loop comes out with its ground truth (tempo, key, style, events, stems).
Path: styles -> arrangement (patterns, harmony, instruments, kits) -> loops (drums, percussion, synths, oscillators) ->
mix (effects), all on the circle: every tail wraps around -> writing (a dataset, WAV, stems, MIDI).
"""

from fourfloor.producer.kits import Kit, load_kit
from fourfloor.producer.loops import render_loop
from fourfloor.producer.producing import produce
from fourfloor.producer.score import Event, ProducedLoop
from fourfloor.producer.styles import STYLES

__all__ = ["STYLES", "Event", "Kit", "ProducedLoop", "load_kit", "produce", "render_loop"]
