"""Files <-> waveforms: find, probe, decode, mix, resample, level, write. Nothing else in fourfloor opens audio.

In: paths, or float32 waveforms `(channels, samples)`. Out: the other of the two.
"""

from fourfloor.audio.files import AUDIO_EXTENSIONS, AudioError, display_name, find_audio
from fourfloor.audio.level import loudness_lufs, normalize_loop, resample, true_peak_db
from fourfloor.audio.mixing import mix
from fourfloor.audio.opening import AudioInfo, probe
from fourfloor.audio.reading import SAMPLE_RATE, AudioStream, decode
from fourfloor.audio.writing import LoopTags, read_tags, write_loop

__all__ = [
    "AUDIO_EXTENSIONS",
    "SAMPLE_RATE",
    "AudioError",
    "AudioInfo",
    "AudioStream",
    "LoopTags",
    "decode",
    "display_name",
    "find_audio",
    "loudness_lufs",
    "mix",
    "normalize_loop",
    "probe",
    "read_tags",
    "resample",
    "true_peak_db",
    "write_loop",
]
