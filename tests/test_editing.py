"""The verbs on a loop that is there: what they accept, and what they promise of the result."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fourfloor as ff
from fourfloor.audio import LoopTags, read_tags, write_loop
from fourfloor.editing.midi import peaks, transcribe
from fourfloor.editing.source import read_source
from fourfloor.editing.stems import separate, to_steps
from fourfloor.errors import FourfloorError
from fourfloor.interfaces.cli import main
from fourfloor.packs.loops import find_loops
from fourfloor.producer import ProducedLoop, render_loop
from fourfloor.signal.beatgrid import loop_samples


def noise(bpm: float = 126.0, bars: int = 1, channels: int = 2, rate: int = 44_100, extra: int = 0) -> np.ndarray:
    samples = loop_samples(bpm, bars, rate) + extra
    return 0.1 * np.random.default_rng(0).standard_normal((channels, samples)).astype(np.float32).clip(-9, 9)


@pytest.fixture(scope="module")
def played() -> ProducedLoop:
    """Return a loop with kick, hats, clap and bass."""
    return render_loop(77_000_000, "tech house", bars=2, bpm=127.3, grouped=True)


@pytest.fixture
def loop_file(played: ProducedLoop, tmp_path: Path) -> Path:
    path = tmp_path / "loop.wav"
    tags = LoopTags(bpm=played.bpm, bars=2, title="mine", key=played.key, comment='{"a": 1}', software="x")
    write_loop(path, played.waveform, tags)
    return path


def steps(path: Path) -> np.ndarray:
    """Return the samples of a WAV in steps of 24 bits."""
    return soundfile.read(path, dtype="int32")[0].astype(np.int64) >> 8


def test_stems_sum_to_the_file_to_the_step_and_keep_its_tags(loop_file: Path) -> None:
    (made,) = ff.stems(loop_file)
    assert list(made.stems) == ["kick", "drums", "bass", "music"]
    assert {path.name for path in made.stems["kick"].parent.iterdir()} == {path.name for path in made.stems.values()}
    assert np.array_equal(sum(steps(path) for path in made.stems.values()), steps(loop_file))
    assert all(read_tags(path) == read_tags(loop_file) for path in made.stems.values())


def test_stems_hold_what_their_names_say(played: ProducedLoop) -> None:
    stems = separate(played.waveform, 2)
    assert played.groups is not None
    for own, stem in enumerate(stems):
        likeness = [float(np.corrcoef(stem.ravel(), truth.ravel())[0, 1]) for truth in played.groups]
        assert int(np.argmax(likeness)) == own


def test_stems_turn_with_the_loop(played: ProducedLoop) -> None:
    turn = played.waveform.shape[1] // 2  # a bar: an even number of samples
    straight, turned = separate(played.waveform, 2), separate(np.roll(played.waveform, turn, axis=1), 2)
    difference = np.roll(straight, turn, axis=2) - turned
    assert np.square(difference).mean() < 1e-4 * np.square(straight).mean()


def test_stems_of_silence_are_silent() -> None:
    assert np.abs(separate(np.zeros((2, 84_000), np.float32), 1)).max() < 1e-6


def test_stems_that_would_leave_full_scale_still_sum_to_the_mix() -> None:
    mix = np.full((2, 4), 0.9)
    apart = np.stack([np.full((2, 4), -0.8), np.full((2, 4), 0.1), np.full((2, 4), 0.05), np.full((2, 4), 1.55)])
    rounded = to_steps(apart, mix)
    assert np.abs(rounded).max() <= 1
    assert np.abs(rounded.sum(axis=0) - mix).max() <= 2**-24


def test_pack_takes_stems_and_midi_as_they_are_written(loop_file: Path) -> None:
    ff.stems(loop_file)
    ff.midi(loop_file)
    (found,) = find_loops([loop_file])
    assert set(found.stems) == {"kick", "drums", "bass", "music"}
    assert found.midi == loop_file.with_suffix(".mid")


def test_midi_is_exact_for_two_other_readers(loop_file: Path, played: ProducedLoop) -> None:
    import mido
    import pretty_midi

    (made,) = ff.midi(loop_file)
    seconds = 2 * 240 / played.bpm
    read = mido.MidiFile(made.file)
    (tempo,) = [m.tempo for track in read.tracks for m in track if m.type == "set_tempo"]
    assert abs(tempo - 60e6 / played.bpm) <= 0.5
    assert {sum(m.time for m in track) for track in read.tracks} == {2 * 4 * read.ticks_per_beat}
    assert read.length == pytest.approx(seconds, abs=1e-5)
    assert {m.channel for track in read.tracks[1:] for m in track if not m.is_meta} <= {0, 9}
    assert all(track[0].type == "track_name" for track in read.tracks[1:])
    pretty = pretty_midi.PrettyMIDI(str(made.file))
    assert pretty.get_end_time() == pytest.approx(seconds, abs=1e-5)
    notes = sum(len(instrument.notes) for instrument in pretty.instruments)
    assert notes == sum(made.notes.values()) > 8


def test_the_kick_is_transcribed_where_it_is_played(played: ProducedLoop) -> None:
    true = {round(event.start % 8 * 32) for event in played.events if event.instrument == "kick"}
    found = {round(event.start * 32) for event in transcribe(played.waveform, 2) if event.instrument == "kick"}
    near = {frame + shift for frame in true for shift in (-1, 0, 1)}
    assert len(found & near) >= 0.8 * len(true)
    assert len(found) <= 1.2 * len(true)


@pytest.mark.parametrize(
    ("chance", "found"),
    [
        ([0.9, 0, 0, 0, 0, 0, 0.6, 0.7, 0.6, 0], [0, 7]),
        ([0, 0, 0, 0.8, 0.8, 0, 0, 0, 0, 0], [3]),
        ([0.6, 0, 0, 0, 0, 0, 0, 0, 0, 0.9], [9]),  # around the loop's end
        ([0.4] * 10, []),
        ([0.6] * 10, []),  # no frame stands out
    ],
)
def test_onsets_are_the_likeliest_frames_of_a_circle(chance: list[float], found: list[int]) -> None:
    assert peaks(np.array(chance), 0.5).tolist() == found


@pytest.fixture(scope="module")
def kit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    rng = np.random.default_rng(0)
    decay = np.exp(-np.arange(8_000) / 1_500)
    soundfile.write(folder / "bd.wav", np.sin(np.arange(8_000) * 0.008) * decay, 44_100)
    soundfile.write(folder / "snare.wav", rng.uniform(-1, 1, 8_000) * decay, 44_100)
    soundfile.write(folder / "hh.wav", np.diff(rng.uniform(-1, 1, 1_001)), 44_100)
    return folder


def test_a_kit_replays_the_groove_in_a_loop_of_the_same_length(loop_file: Path, kit_folder: Path) -> None:
    (made,) = ff.rekit(loop_file, kit=kit_folder)
    replayed, tags = read_source(made.file), read_tags(made.file)
    assert tags is not None
    assert (replayed.waveform.shape, replayed.bpm) == (read_source(loop_file).waveform.shape, 127.3)
    assert tags.title == "loop_rekit"
    assert made.left_out == {}  # a snare stands in for the clap, and a closed hat for the open one
    again = {event.instrument for event in transcribe(replayed.waveform, 2)}
    assert "kick" in again
    before = made.file.read_bytes()
    with pytest.raises(FourfloorError, match="exists already"):
        ff.rekit(loop_file, kit=kit_folder)
    ff.rekit(loop_file, kit=kit_folder, overwrite=True)
    assert made.file.read_bytes() == before


def test_a_kit_without_a_kick_is_refused_before_anything_is_written(
    loop_file: Path, kit_folder: Path, tmp_path: Path
) -> None:
    thin = tmp_path / "thin"
    thin.mkdir()
    (thin / "hh.wav").write_bytes((kit_folder / "hh.wav").read_bytes())
    with pytest.raises(FourfloorError, match=r"holds no kick \(found: hat\)"):
        ff.rekit(loop_file, kit=thin, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_where_one_of_the_loops_is_wrong(loop_file: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong_126bpm.wav"
    soundfile.write(wrong, noise(channels=1).T, 44_100)
    for verb in (ff.stems, ff.midi):
        with pytest.raises(FourfloorError, match="is mono"):
            verb([loop_file, wrong], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_existing_files_are_kept_unless_told_otherwise(loop_file: Path) -> None:
    (made,) = ff.midi(loop_file)
    made.file.write_bytes(b"mine")
    with pytest.raises(FourfloorError, match="exists already; pass --overwrite"):
        ff.midi(loop_file)
    assert made.file.read_bytes() == b"mine"
    ff.midi(loop_file, overwrite=True)
    assert made.file.read_bytes()[:4] == b"MThd"


def test_two_loops_of_one_name_do_not_replace_each_other(loop_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "loop.wav"
    other.parent.mkdir()
    other.write_bytes(loop_file.read_bytes())
    with pytest.raises(FourfloorError, match="two of the loops would be written as"):
        ff.midi([loop_file, other], out=tmp_path / "out")


def test_the_commands_print_what_they_wrote(
    loop_file: Path, kit_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["fourfloor", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    assert set(json.loads(run("stems", loop_file, "--json"))["loops"][0]["stems"]) == {"kick", "drums", "bass", "music"}
    assert "kick" in run("midi", loop_file)
    assert json.loads(run("rekit", loop_file, "--kit", kit_folder, "--json"))["loops"][0]["left_out"] == {}


def test_a_loop_in_memory_has_the_same_verbs(loop_file: Path, kit_folder: Path) -> None:
    loop = ff.load("warehouse").generate(bars=1, seed=3, redraws=0)
    assert np.abs(sum(loop.stems().values()) - loop.waveform).max() < 1e-6
    assert loop.midi()[:4] == b"MThd"
    assert loop.rekit(kit_folder).shape == loop.waveform.shape
