"""`arrange`: forms, exact bar lines, loops as they are, and files that are whole wherever the work stops."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import fourfloor as ff
from fourfloor.audio import LoopTags, write_loop
from fourfloor.editing import arrange as arranging
from fourfloor.editing.arrange import CUTOFFS_HZ, Material, voice
from fourfloor.editing.form import MOST_BARS, Section, parse_form, read_form
from fourfloor.editing.streaming import bar_line
from fourfloor.errors import FourfloorError
from fourfloor.interfaces.cli import Settings, app, mistake_of
from fourfloor.producer import render_loop
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.stopping import StopSignal

FADE = 441
STEP = 2.0**-23


def noise(bpm: float, bars: int, seed: int) -> np.ndarray:
    samples = loop_samples(bpm, bars, 44_100)
    return (0.2 * np.random.default_rng(seed).standard_normal((2, samples)).clip(-3, 3)).astype(np.float32)


def two_loops(folder: Path, bpm: float = 127.3) -> list[Path]:
    paths = [folder / f"{name}.wav" for name in ("one", "two")]
    for seed, (path, bars) in enumerate(zip(paths, (4, 2), strict=True)):
        write_loop(path, noise(bpm, bars, seed), LoopTags(bpm=bpm, bars=bars, title=path.stem))
    return paths


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("A", [("A", 0, 0, 8)]),
        ("AB:4", [("A", 0, 0, 4), ("B", 1, 4, 4)]),
        ("intro BA:2 outro:4", [("intro", 1, 0, 16), ("B", 1, 16, 2), ("A", 0, 18, 2), ("outro", 0, 20, 4)]),
        ("A drop B", [("A", 0, 0, 8), ("drop", 1, 8, 16), ("B", 1, 24, 8)]),
        ("# my set\nbreak:1 # quiet\n\nA:1\n", [("break", 0, 0, 1), ("A", 0, 1, 1)]),
    ],
)
def test_a_form_names_loops_and_what_their_stems_do(form: str, expected: list[tuple[str, int, int, int]]) -> None:
    assert parse_form(form, 2) == [Section(*row) for row in expected]


def test_the_default_form_is_a_track_of_96_bars() -> None:
    last = parse_form("intro AA BA drop AB outro", 2)[-1]
    assert last.start + last.bars == 96


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("AC", "'AC' names loop C, but only loops A-B are given"),
        ("A solo", "'solo' means nothing"),
        ("a", "'a' means nothing"),
        ("A:0", "1-64"),
        ("A:x", "1-64"),
        ("A:", "1-64"),
        (":4", "means nothing"),
        ("", "names no loop"),
        ("intro outro", "names no loop"),
        ("A:64 " * (MOST_BARS // 64 + 1), "at most 1024"),
    ],
)
def test_a_form_that_means_nothing_is_refused_in_one_line(form: str, says: str) -> None:
    with pytest.raises(FourfloorError, match=says) as refused:
        parse_form(form, 2)
    assert "\n" not in str(refused.value)


def test_a_form_is_read_from_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_text("intro # quiet\nAB\n")
    assert read_form(str(path)) == "intro # quiet\nAB\n"
    assert read_form("intro AB") == "intro AB"
    path.write_bytes(b"\xef\xbb\xbfA:1\r\nA:1\r\n")
    assert len(parse_form(read_form(str(path)), 1)) == 2
    with pytest.raises(FourfloorError, match="the form has 800000 bars, a track has at most"):
        parse_form("A" * 100_000, 1)  # in a moment: time that grows with the square would be minutes
    with pytest.raises(FourfloorError, match="cannot read the form"):
        read_form(str(tmp_path / "none.txt"))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FourfloorError, match="UTF-8"):
        read_form(str(path))


def test_bars_begin_on_their_lines_and_letters_keep_every_sample(tmp_path: Path) -> None:
    paths = two_loops(tmp_path)
    one, two = (soundfile.read(path, always_2d=True)[0] for path in paths)
    made = ff.arrange(paths, tmp_path / "track.wav", form="A B:4 A", fills=False)
    track, rate = soundfile.read(made.file, always_2d=True)
    assert (rate, made.bars, made.frames, len(track)) == (44_100, 20, len(track), bar_line(127.3, 20))
    for bar, loop in ((0, one), (4, one), (8, two), (10, two), (12, one), (16, one)):
        begin, length = bar_line(127.3, bar), len(loop) - FADE - 1
        assert np.array_equal(track[begin : begin + length], loop[:length]), bar
    # Before the new loop begins, its end fades in; a loop that follows itself needs no fade.
    assert np.array_equal(track[bar_line(127.3, 4) - FADE : bar_line(127.3, 4) - 1], one[len(one) - FADE : -1])
    assert not np.array_equal(track[bar_line(127.3, 8) - FADE : bar_line(127.3, 8) - 1], one[len(one) - FADE : -1])


def test_a_loop_that_fits_whole_samples_is_repeated_bit_for_bit(tmp_path: Path) -> None:
    (path, _) = two_loops(tmp_path, bpm=126.0)
    loop = soundfile.read(path, always_2d=True)[0]
    made = ff.arrange([path], tmp_path / "track.wav", form="AA")
    assert np.array_equal(soundfile.read(made.file, always_2d=True)[0], np.tile(loop, (4, 1)))


def test_a_fill_changes_the_last_two_beats_alone(tmp_path: Path) -> None:
    paths = two_loops(tmp_path, bpm=126.0)
    tracks = [
        soundfile.read(ff.arrange(paths, tmp_path / f"{fills}.wav", form="A:4 B:2", fills=fills).file)[0]
        for fills in (False, True)
    ]
    differ = np.flatnonzero(np.any(tracks[0] != tracks[1], axis=1))
    assert 0 <= differ[0] - (bar_line(126.0, 3) + 2 * 21_000) < 10_500  # the first eighth is that of the loop
    assert differ[-1] < bar_line(126.0, 4)


def test_words_play_the_stems_that_they_name() -> None:
    loop = render_loop(5, style="techno", bars=4)
    material = Material(loop.waveform, 4)
    sections = [Section("intro", 0, 0, 16), Section("break", 0, 16, 8), Section("A", 0, 24, 8)]
    bars = list(arranging.arrange([material], sections, loop.bpm, fills=False))
    bar, inside = bars[0].shape[1], slice(0, bars[0].shape[1] - FADE - 1)
    groove = (material.stems["kick"] + material.stems["drums"])[:, :bar]
    assert np.allclose(bars[0][:, inside], groove[:, inside], atol=1e-5)
    with_bass = groove + material.stems["bass"][:, :bar]
    assert np.allclose(bars[8][:, inside], with_bass[:, inside], atol=1e-5)
    music = material.stems["music"][:, :bar]
    assert 0 < np.mean(bars[16] ** 2) < np.mean(music**2)
    assert np.array_equal(bars[24][:, inside], loop.waveform[:, :bar][:, inside])


def test_filters_open_and_close() -> None:
    last = len(CUTOFFS_HZ) - 1
    intro, outro, build = (Section(name, 0, 0, 16) for name in ("intro", "outro", "build"))
    assert voice(intro, 12).sweep[0] == 4.0
    assert voice(intro, 15).sweep[1] == last
    assert voice(outro, 0).sweep[0] == last
    assert voice(outro, 3).sweep[1] == 4.0
    assert voice(build, 0).sweep[0] == 0.0
    assert "kick" not in voice(build, 0).wet | voice(build, 0).dry


def test_joints_have_no_step() -> None:
    loop = render_loop(5, style="techno", bars=4)
    sections = parse_form("intro:8 A:4 break:4 drop:4 build:4 A:4 outro:8", 1)
    bars = list(arranging.arrange([Material(loop.waveform, 4)], sections, loop.bpm, fills=True))
    largest = np.abs(np.diff(loop.waveform, axis=1)).max()
    for before, after in itertools.pairwise(bars):
        assert np.abs(after[:, 0] - before[:, -1]).max() <= largest


def test_a_track_is_a_valid_wav_wherever_the_work_stops(tmp_path: Path) -> None:
    paths = two_loops(tmp_path, bpm=126.0)

    def stop(done: float, total: float, text: str) -> None:
        if done == 3:
            raise StopSignal(2)

    with pytest.raises(StopSignal):
        ff.arrange(paths, tmp_path / "track.wav", form="A B", fills=False, on_progress=stop)
    track, _ = soundfile.read(tmp_path / "track.wav", always_2d=True)
    assert len(track) == bar_line(126.0, 3)
    assert np.array_equal(track, soundfile.read(paths[0], always_2d=True)[0][: len(track)])


def test_the_same_loops_give_the_same_bytes_also_from_memory(tmp_path: Path) -> None:
    loops = [ff.load("warehouse").generate(bars=1, seed=seed) for seed in (3, 4)]
    paths = [loop.save(tmp_path / f"{number}.wav") for number, loop in enumerate(loops)]
    form = "intro:2 A:2 B:1"
    made = [
        ff.arrange(loops, tmp_path / "0.track.wav", form=form),
        ff.arrange(paths, tmp_path / "track.wav", form=form),
    ]
    first, second = (soundfile.read(track.file, always_2d=True)[0] for track in made)
    assert np.abs(first - second).max() < 1e-4  # files have 24 bits, loops in memory more
    again = ff.arrange(paths, made[1].file, form=form, overwrite=True)
    assert np.array_equal(soundfile.read(again.file, always_2d=True)[0], second)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--form", "AC"], "names loop C"),
        (["--form", "none.txt"], "cannot read the form"),
        (["--bpm", "300"], "BPM"),
        (["--out", "{mono}/track.wav"], "cannot be written"),
        (["--out", "{exists}"], "exists already"),
        (["{fast}"], "arrange loops of one tempo"),
        (["{mono}"], "mono"),
    ],
)
def test_wrong_input_of_arrange_is_one_line_and_nothing_is_written(
    options: list[str], says: str, tmp_path: Path
) -> None:
    paths = two_loops(tmp_path, bpm=126.0)
    names = {"fast": tmp_path / "fast.wav", "mono": tmp_path / "mono 126bpm.wav", "folder": tmp_path / "folder",
             "exists": tmp_path / "exists.wav"}  # fmt: skip
    names["folder"].mkdir()
    names["exists"].write_bytes(b"mine")
    write_loop(names["fast"], noise(130.0, 1, 1), LoopTags(bpm=130.0, bars=1, title="fast"))
    soundfile.write(names["mono"], noise(126.0, 1, 1)[0], 44_100)
    out = tmp_path / "track.wav"
    given = ["arrange", *map(str, paths), "--out", str(out), *(option.format(**names) for option in options)]
    result = CliRunner().invoke(app, given, obj=Settings())
    assert isinstance(result.exception, FourfloorError)
    message = mistake_of(result.exception)
    assert message is not None
    assert says in message
    assert "\n" not in message
    assert not out.exists()
    assert names["exists"].read_bytes() == b"mine"


def test_the_command_lists_the_sections(tmp_path: Path) -> None:
    given = [
        "arrange",
        *map(str, two_loops(tmp_path, bpm=126.0)),
        "--form",
        "A:4 B:2",
        "--out",
        str(tmp_path / "t.wav"),
    ]
    result = CliRunner().invoke(app, given, obj=Settings())
    assert result.exit_code == 0
    assert "0:07.619  B        2 bars  two.wav" in result.output
    assert soundfile.info(tmp_path / "t.wav").subtype == "PCM_24"
