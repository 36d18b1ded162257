"""Samplers that play our instruments: the period is the loop's, and the joint its own."""

import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from playing import loops_of, module, passes, program, repeats, run, waveform

FIRST_KEY = 36
SECONDS = 17


@pytest.fixture(params=[0, 1, 2])
def loop(request: pytest.FixtureRequest, packed_loops: Path) -> dict:
    loop = loops_of(packed_loops)[request.param]
    sound = waveform(packed_loops / "loops" / f"{loop['name']}.wav")
    return {**loop, "folder": packed_loops, "key": FIRST_KEY + request.param, "waveform": sound}


def one_note(path: Path, key: int) -> Path:
    """Write a MIDI file of one long note; its ticks are milliseconds."""
    mido = module("mido", "mido")
    file = mido.MidiFile(ticks_per_beat=1000)
    tempo = mido.MetaMessage("set_tempo", tempo=1_000_000)
    notes = [mido.Message(f"note_{kind}", note=key, velocity=127, time=time) for kind, time in
             (("on", 0), ("off", SECONDS * 1000))]  # fmt: skip
    file.tracks.append(mido.MidiTrack([tempo, *notes]))
    file.save(path)
    return path


def test_fluidsynth_repeats_a_key_of_the_soundfont(loop: dict, tmp_path: Path) -> None:
    note, out = one_note(tmp_path / "note.mid", loop["key"]), tmp_path / "out.wav"
    options = ["-ni", "-q", "-g", "1", "-R", "0", "-C", "0", "-r", "44100", "-O", "float", "-T", "wav", "-F", out]
    run([program("fluidsynth", "fluidsynth"), *options, loop["folder"] / "soundfont/played.sf2", note], tmp_path)
    assert repeats(waveform(out), loop["waveform"], 1e-4) <= 64


def test_timidity_repeats_a_key_of_the_soundfont(loop: dict, tmp_path: Path) -> None:
    note, out = one_note(tmp_path / "note.mid", loop["key"]), tmp_path / "out.wav"
    (tmp_path / "timidity.cfg").write_text(f"soundfont {loop['folder']}/soundfont/played.sf2\n")
    effects = ["-EFreverb=0", "-EFchorus=0", "-EFresamp=l", "-A", "100"]
    command = [program("timidity", "timidity"), "-c", "timidity.cfg", "-Ow", "-s", "44100", *effects, "-o", out, note]
    run(command, tmp_path)
    repeats(waveform(out), loop["waveform"], 3e-3)  # 16 bit, and softer


def test_sfizz_repeats_a_key_of_the_sfz(loop: dict) -> None:
    heard = sfizz(loop["folder"] / "sfz/played.sfz", loop["key"], 2.2 * loop["frames"] / 44_100)
    assert repeats(heard, loop["waveform"], 1e-4) <= 1


@pytest.mark.parametrize("number", [0, 5, 63])
def test_sfizz_plays_a_slice_from_its_first_frame_to_its_last(loop: dict, number: int) -> None:
    heard = sfizz(loop["folder"] / "sfz" / f"{loop['name']}_slices.sfz", FIRST_KEY + number, 0.5)
    start, end = (round(step * loop["frames"] / 64) for step in (number, number + 1))
    slice_ = loop["waveform"][start:end, 0]
    places = [
        int(np.argmax(np.abs(np.correlate(heard[:12_000, 0], slice_[part : part + 1_000], "valid")))) - part
        for part in (1_200, len(slice_) - 1_000)
    ]
    assert places in ([0, 0], [1, 1])  # sfizz puts its first block one frame early
    assert np.abs(heard[len(slice_) + 500 :]).max() < 1e-4


def sfizz(instrument: Path, key: int, seconds: float) -> np.ndarray:
    """Render a key; again where it comes out short, as pysfizz does at random."""
    engine = module("pysfizz", "pysfizz")
    for _ in range(20):
        synth = engine.Synth(sample_rate=44_100, block_size=1024)
        synth.load_sfz_file(str(instrument))
        heard = np.asarray(synth.render_note(key, 127, seconds, seconds)).T
        if seconds < 1 or np.abs(heard[-2_000:]).max() > 0:
            return heard
    pytest.fail("every rendering was cut short")


def test_sfzlint_finds_no_fault(packed_loops: Path, tmp_path: Path) -> None:
    module("sfzlint", "sfzlint")
    script = "import sys; from sfzlint.cli import sfzlint; sys.exit(sfzlint())"
    for instrument in sorted((packed_loops / "sfz").iterdir()):
        said = run([sys.executable, "-W", "ignore", "-c", script, instrument], tmp_path)
        assert said.stdout + said.stderr == ""


def test_hydrogen_plays_the_loop_twice_and_a_hit_on_each_beat(packed_loops: Path, tmp_path: Path) -> None:
    h2cli, folder = program("h2cli", "hydrogen"), packed_loops / "hydrogen"
    run([h2cli, "-i", folder / "played.h2drumkit"], tmp_path)
    loop = loops_of(packed_loops)[1]  # one is enough: h2cli takes half a minute
    sound = waveform(packed_loops / "loops" / f"{loop['name']}.wav")
    song, out = folder / f"{loop['name']}.h2song", tmp_path / "out.wav"
    run([h2cli, "-s", song, "-o", out, "-r", "44100", "-b", "24"], tmp_path)
    heard = waveform(out)
    assert passes(heard, sound, 1e-4) == 0
    beat = loop["frames"] / 16
    with tarfile.open(folder / "played.h2drumkit") as archive:
        archive.extract(f"played/{loop['name']}_kick.wav", tmp_path, filter="data")
    hits = waveform(tmp_path / f"played/{loop['name']}_kick.wav")[:4_000, 0]
    for number in range(16):
        place = round(2 * loop["frames"] + number * beat)
        around = heard[place - 32 : place + 4_032, 0]
        late = int(np.argmax(np.correlate(around, hits, "valid"))) - 32
        assert abs(late) <= 1, f"hit {number} is {late} frames late"


def test_libopenmpt_repeats_the_samples_of_the_module(packed_loops: Path, tmp_path: Path) -> None:
    shutil.copy(packed_loops / "tracker/played.it", tmp_path)
    options = ["--render", "--samplerate", "44100", "--float", "--filter", "1", "--ramping", "0"]
    run([program("openmpt123", "openmpt123"), *options, "played.it"], tmp_path)
    heard, at = waveform(tmp_path / "played.it.wav"), 0
    for loop in loops_of(packed_loops):
        sound = waveform(packed_loops / "loops" / f"{loop['name']}.wav")
        passes(heard[at:], sound, 1e-4)
        at += 2 * loop["frames"] - 2_000  # the next sample begins at a row, close to there
