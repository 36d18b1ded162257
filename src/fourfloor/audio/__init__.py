"""Files <-> waveforms: find, probe, decode, mix, resample, level, write. Nothing else in fourfloor opens audio.

In: paths, or float32 waveforms `(channels, samples)`. Out: the other of the two.
"""

from fourfloor.audio.balance import cancels_in_mono
from fourfloor.audio.files import AUDIO_EXTENSIONS, AudioError, display_name, few_lines, find_audio
from fourfloor.audio.flac import write_flac
from fourfloor.audio.level import loudness_lufs, normalize_loop, resample, true_peak_db
from fourfloor.audio.mixing import mix
from fourfloor.audio.naming import check_wav_name, decimal_word, plain_word, tempo_in_name, tempo_word
from fourfloor.audio.opening import AudioInfo, probe
from fourfloor.audio.reading import SAMPLE_RATE, AudioStream, decode
from fourfloor.audio.writing import LoopTags, read_tags, wave_bytes, write_loop

__all__ = [
    "AUDIO_EXTENSIONS",
    "SAMPLE_RATE",
    "AudioError",
    "AudioInfo",
    "AudioStream",
    "LoopTags",
    "cancels_in_mono",
    "check_wav_name",
    "decimal_word",
    "decode",
    "display_name",
    "few_lines",
    "find_audio",
    "loudness_lufs",
    "mix",
    "normalize_loop",
    "plain_word",
    "probe",
    "read_tags",
    "resample",
    "tempo_in_name",
    "tempo_word",
    "true_peak_db",
    "wave_bytes",
    "write_flac",
    "write_loop",
]
