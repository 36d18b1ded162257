"""Tempo, length and onsets of our MIDI, as other libraries read them; FluidSynth plays it in time."""

from pathlib import Path

import numpy as np
import pytest
from playing import loops_of, module, program, run, waveform

BEATS = sorted([*range(16), 0.75, 5.5, 13.25])
BASS_BEATS = [beat + 0.5 for beat in range(15)]


@pytest.fixture(params=[0, 1, 2])
def loop(request: pytest.FixtureRequest, packed_loops: Path) -> dict:
    loop = loops_of(packed_loops)[request.param]
    return {**loop, "midi": packed_loops / "midi" / f"{loop['name']}.mid", "seconds": loop["frames"] / 44_100}


def test_mido_reads_tempo_length_and_notes(loop: dict) -> None:
    mido = module("mido", "mido")
    file = mido.MidiFile(loop["midi"])
    assert file.length == pytest.approx(loop["seconds"], abs=1e-5)
    tempo = next(message.tempo for message in file.tracks[0] if message.type == "set_tempo")
    assert tempo == round(60e6 / loop["bpm"])
    assert {track.name for track in file.tracks[1:]} == {"kick", "bass"}
    assert file.tracks[0][-1].type == "end_of_track"


def test_pretty_midi_reads_the_whole_length_and_the_onsets(loop: dict) -> None:
    pytest.importorskip("setuptools", reason="pretty_midi needs pkg_resources: pip install 'setuptools<81'")
    file = module("pretty_midi", "pretty_midi").PrettyMIDI(str(loop["midi"]))
    assert file.get_end_time() == pytest.approx(loop["seconds"], abs=1e-5)
    drums = next(instrument for instrument in file.instruments if instrument.is_drum)
    onsets = np.array(sorted(note.start for note in drums.notes))
    assert np.abs(onsets - np.array(BEATS) * 60 / loop["bpm"]).max() < 1e-5
    assert drums.name == "kick"


def test_symusic_reads_the_whole_length_and_the_onsets(loop: dict) -> None:
    score = module("symusic", "symusic").Score(str(loop["midi"]))
    assert score.end() == 16 * score.ticks_per_quarter
    drums = next(track for track in score.tracks if track.is_drum)
    assert sorted(note.start / score.ticks_per_quarter for note in drums.notes) == BEATS
    basses = next(track for track in score.tracks if not track.is_drum)
    assert [note.start / score.ticks_per_quarter for note in basses.notes] == BASS_BEATS
    assert {note.duration for note in basses.notes} == {score.ticks_per_quarter // 2}


def test_fluidsynth_plays_the_bass_in_time(loop: dict, packed_loops: Path, tmp_path: Path) -> None:
    mido = module("mido", "mido")
    moved = mido.MidiFile(loop["midi"])
    for message in (message for track in moved.tracks for message in track if message.type.startswith("note")):
        message.note = 36  # the font's lowest key, a loop of noise; the drums' channel has no kit
    moved.save(tmp_path / "moved.mid")
    options = ["-ni", "-q", "-R", "0", "-C", "0", "-r", "44100", "-O", "float", "-T", "wav", "-F", tmp_path / "out.wav"]
    font = packed_loops / "soundfont/played.sf2"
    run([program("fluidsynth", "fluidsynth"), *options, font, tmp_path / "moved.mid"], tmp_path)
    loud = np.flatnonzero(np.abs(waveform(tmp_path / "out.wav")[:, 0]) > 1e-3)
    onsets = loud[np.diff(loud, prepend=-44_100) > 2_000]
    wanted = np.array(BASS_BEATS) * 60 / loop["bpm"] * 44_100
    assert len(onsets) == len(wanted)
    late = onsets - wanted
    assert np.ptp(late) <= 64 + 45  # it begins notes on a grid of 64 frames, and its clock counts milliseconds
    assert np.abs(late).max() <= 192
