"""Verbs on the prior: what they promise of the audio, sample by sample, and what they refuse."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import house_loop
from typer.testing import CliRunner

import fourfloor as ff
from fourfloor import audio
from fourfloor.audio.streaming import ENDLESS, StreamWriter, header
from fourfloor.editing import latents
from fourfloor.editing.fill import Region
from fourfloor.editing.latents import window
from fourfloor.editing.streaming import bar_line
from fourfloor.errors import FourfloorError
from fourfloor.evaluation import seam
from fourfloor.interfaces.cli import main
from fourfloor.interfaces.edits import region_of
from fourfloor.signal.beatgrid import loop_samples

NEAR = round(0.02 * 44_100)  # samples around a region that may change


@pytest.fixture(scope="module")
def model() -> ff.Model:
    return ff.load("warehouse")


@pytest.fixture(scope="module")
def loop(model: ff.Model) -> ff.Loop:
    return model.generate(bars=4, seed=5, redraws=0)


def distance(model: ff.Model, one: ff.Loop, other: ff.Loop) -> float:
    z = [model.encode(each.waveform, bpm=each.bpm, bars=each.bars) for each in (one, other)]
    return float(np.sqrt(((z[0] - z[1]) ** 2).mean()))


def test_amount_nothing_is_the_loop_through_codec_and_decoder(model: ff.Model, loop: ff.Loop) -> None:
    z = latents.encode(model.parts, loop.waveform, loop.bpm, loop.bars)
    expected = latents.decode(model.parts, z, loop.bpm, loop.waveform.shape[1], 9)
    assert np.array_equal(model.vary(loop, amount=0.0, seed=9)[0].waveform, expected)


def test_the_more_is_asked_the_further_away(model: ff.Model, loop: ff.Loop) -> None:
    amounts = (0.0, 0.3, 0.5, 0.75, 1.0)
    made = [distance(model, model.vary(loop, amount=amount, seed=7)[0], loop) for amount in amounts]
    assert made == sorted(made)
    unrelated = distance(model, model.generate(bars=4, seed=99, redraws=0), loop)
    assert made[1] < 0.5 * unrelated
    assert made[-1] > 0.85 * unrelated


def test_each_variation_is_its_seeds_however_many_are_made(model: ff.Model) -> None:
    source = model.generate(bars=1, seed=3, redraws=0)
    three = model.vary(source, amount=0.5, count=3, seed=10)
    again = model.vary(source, amount=0.5, count=1, seed=12)[0]
    assert np.array_equal(three[2].waveform, again.waveform)
    assert not np.array_equal(three[0].waveform, three[1].waveform)
    assert three[0].waveform.shape == source.waveform.shape


@pytest.mark.parametrize(("beats", "band"), [((5, 8), "all"), ((13, 16), "all"), ((2, 2), "high"), ((1, 16), "low")])
def test_nothing_outside_a_region_changes(model: ff.Model, loop: ff.Loop, beats: tuple[int, int], band: str) -> None:
    new = model.fill(loop, beats=beats, band=band, seed=1).waveform
    samples = loop.waveform.shape[1]
    begin, end = (round(beat * samples / 16) for beat in (beats[0] - 1, beats[1]))
    place = np.arange(samples)
    inside = (place >= begin) & (place < end)
    near = [np.roll(inside, shift) for shift in (-NEAR, NEAR)]
    kept = ~(inside | near[0] | near[1])
    assert np.array_equal(new[:, kept], loop.waveform[:, kept])
    changed = np.abs(new - loop.waveform)[:, inside]
    assert changed.max() > 0.01


def test_a_file_of_somebody_else_keeps_its_samples(model: ff.Model, tmp_path: Path) -> None:
    path = tmp_path / "theirs 124 bpm.wav"
    soundfile.write(path, house_loop(bpm=124.0, bars=2).T, 44_100, subtype="PCM_24")
    made = model.fill(path, beats=(5, 8), seed=2).save(tmp_path / "new.wav")
    before, after = (soundfile.read(file, dtype="int32")[0] for file in (path, made))
    assert before.shape == after.shape
    assert np.array_equal(before[NEAR : len(before) // 2 - NEAR], after[NEAR : len(before) // 2 - NEAR])
    assert not np.array_equal(before, after)
    tags = audio.read_tags(made)
    assert tags is not None
    assert (tags.bpm, tags.bars) == (124.0, 2)
    assert "fourfloor fill" in tags.comment


def test_joints_do_not_click(model: ff.Model, loop: ff.Loop) -> None:
    samples = loop.waveform.shape[1]
    new = [model.fill(loop, beats=(5, 8), seed=seed).waveform for seed in range(2)]
    for joint in (samples // 4, samples // 2):
        turned = [np.roll(waveform, -joint, axis=1) for waveform in new]
        assert max(seam.click_ratio(seam.curvature_of(waveform)) for waveform in turned) <= seam.CLICK_LIMIT
        turned[0][:, : samples // 2] += 2.0  # a step: the test notices one
        assert seam.click_ratio(seam.curvature_of(turned[0])) > seam.CLICK_LIMIT


def test_next_bars_follow_the_loop_and_lead_back(model: ff.Model, loop: ff.Loop) -> None:
    whole = model.extend(loop, seed=3)
    samples = loop.waveform.shape[1]
    assert whole.bars == 8
    assert whole.waveform.shape[1] == loop_samples(loop.bpm, 8, 44_100)
    assert np.array_equal(whole.waveform[:, :samples], loop.waveform)
    largest = np.abs(np.diff(loop.waveform, axis=1)).max()
    for joint in (whole.waveform[:, samples - 1 : samples + 1], whole.waveform[:, [-1, 0]]):
        assert np.abs(np.diff(joint)).max() <= largest
    alone = model.extend(loop, seed=3, whole=False)
    assert np.array_equal(alone.waveform, whole.waveform[:, samples:])


def test_steps_lead_from_one_loop_to_the_other(model: ff.Model) -> None:
    one, other = (model.generate(bars=2, seed=seed, redraws=0) for seed in (3, 40))
    steps = model.morph(one, other, steps=5)
    away = [distance(model, step, one) for step in steps]
    near = [distance(model, step, other) for step in steps]
    assert away == sorted(away)
    assert near == sorted(near, reverse=True)


def test_loops_of_different_lengths_are_refused(model: ff.Model) -> None:
    one, other = (model.generate(bars=bars, seed=3, redraws=0) for bars in (1, 2))
    with pytest.raises(FourfloorError, match="same number of bars"):
        model.morph(one, other)


@pytest.mark.parametrize(
    ("bars", "beats", "expected"), [("3-4", None, (9, 16)), ("2", None, (5, 8)), (None, "13-16", (13, 16))]
)
def test_regions_as_they_are_written(bars: str | None, beats: str | None, expected: tuple[int, int]) -> None:
    assert region_of(bars, beats) == expected


@pytest.mark.parametrize(
    ("bars", "beats"), [(None, None), ("1", "2"), ("4-3", None), ("0", None), ("x", None), (None, "1-")]
)
def test_regions_that_mean_nothing(bars: str | None, beats: str | None) -> None:
    with pytest.raises(FourfloorError):
        region_of(bars, beats)


def test_a_region_outside_the_loop_is_refused() -> None:
    with pytest.raises(FourfloorError, match="beats 1-8"):
        Region(8, 12).check(2)


def test_the_window_is_whole_inside_and_nothing_far_outside() -> None:
    shape = window(1000, 900, 1000, 40)
    assert (shape[925:975] == 1).all()
    assert (shape[30:870] == 0).all()
    assert shape[0] == pytest.approx(0.5, abs=0.05)


def test_bar_lines_of_ten_minutes_are_exact() -> None:
    for bpm in (126.0, 123.45, 90.0, 180.0):
        exact = [bar * 4 * 60 / bpm * 44_100 for bar in range(round(600 * bpm / 240))]
        assert max(abs(bar_line(bpm, bar) - place) for bar, place in enumerate(exact)) <= 0.5


def test_blocks_of_a_stream_begin_on_their_bar_lines_and_do_not_repeat(model: ff.Model) -> None:
    blocks = list(itertools.islice(model.stream(bpm=127.3, seed=1), 3))
    ends = np.cumsum([block.shape[1] for block in blocks])
    assert ends.tolist() == [bar_line(127.3, 4 * number) for number in (1, 2, 3)]
    assert not np.allclose(blocks[0][:, :50_000], blocks[1][:, :50_000], atol=0.01)
    joint = np.concatenate([blocks[0][:, -1:], blocks[1][:, :1]], axis=1)
    assert np.abs(np.diff(joint)).max() <= np.abs(np.diff(blocks[0], axis=1)).max()


def test_a_stream_that_stops_anywhere_is_a_valid_wav(tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    block = np.full((2, 1000), 0.25, np.float32)
    with open(path, "wb") as file:
        writer = StreamWriter(file, "wav", 44_100, rewind=True)
        assert soundfile.info(path).frames == 0
        writer.write(block)
        writer.write(block)
        read, rate = soundfile.read(path)  # while it is open: what a killed process leaves
    assert (read.shape, rate) == ((2000, 2), 44_100)
    assert np.abs(read - 0.25).max() < 3 / 32768


def test_a_pipe_says_that_it_does_not_end() -> None:
    pipe = io.BytesIO()
    StreamWriter(pipe, "wav", None, rewind=False).write(np.zeros((2, 10), np.float32))
    assert pipe.getvalue()[40:44] == ENDLESS.to_bytes(4, "little")
    assert len(header(None)) == len(header(5)) == 44


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["vary", "{loop}", "--amount", "2"], "amount"),
        (["fill", "{loop}", "--bars", "2"], "beats 1-4"),
        (["fill", "{loop}", "--bars", "1", "--band", "loud"], "band"),
        (["fill", "{loop}"], "--bars"),
        (["vary", "{odd}"], "bars at"),
        (["vary", "{mono}"], "mono"),
        (["continue", "{fast}"], "44100"),
        (["vary", "{loop}", "--style", "polka"], "style"),
        (["morph", "{loop}", "{two}"], "same number of bars"),
        (["vary", "{nothing}"], "nothing.wav"),
    ],
)
def test_what_cannot_be_edited_is_one_line_and_nothing_is_written(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    from fourfloor.interfaces.cli import Settings, app, mistake_of

    made = house_loop(bars=1).T
    files = {
        "loop": (made, 44_100), "odd": (made[:60_000], 44_100), "mono": (made[:, 0], 44_100), "fast": (made, 96_000),
        "two": (house_loop(bars=2).T, 44_100),
    }  # fmt: skip
    for name, (samples, rate) in files.items():
        soundfile.write(tmp_path / f"{name} 126 bpm.wav", samples, rate)
    paths = {name: str(tmp_path / f"{name} 126 bpm.wav") for name in files} | {"nothing": str(tmp_path / "nothing.wav")}
    out = tmp_path / "out"
    filled = [argument.format(**paths) for argument in arguments]
    result = CliRunner().invoke(app, [*filled, "--out", str(out)], obj=Settings())
    assert isinstance(result.exception, FourfloorError)
    message = mistake_of(result.exception)
    assert message is not None
    assert says in message
    assert not out.exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["vary", "--count", "2", "--amount", "0.35", "--seed", "4"], "a_vary-0p35_s5.wav"),
        (["fill", "--bars", "2", "--band", "low"], "a_fill-beats-5-8-low_s0.wav"),
        (["continue"], "a_next_s0.wav"),
        (["morph", "a.wav", "--steps", "3"], "a_to_a_3.wav"),
    ],
)
def test_an_existing_file_is_found_before_any_work(
    command: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ff, "load", lambda *_: pytest.fail("work began"))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / name).write_bytes(b"mine")
    monkeypatch.setattr("sys.argv", ["fourfloor", command[0], "a.wav", *command[1:], "--out", "made"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"{name}: exists already; pass --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["vary", "fill --bars 1", "continue", "morph a.wav"])
def test_a_place_that_cannot_be_written_is_found_before_any_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ff, "load", lambda *_: pytest.fail("work began"))
    (tmp_path / "file").write_bytes(b"mine")
    verb, *options = command.split()
    monkeypatch.setattr("sys.argv", ["fourfloor", verb, "a.wav", *options, "--out", "file/here"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "cannot write there" in capsys.readouterr().err


def test_commands_write_the_names_that_they_looked_for(
    model: ff.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    long = "é" * 120 + "_126bpm"  # 247 bytes, of which half is kept
    model.generate(bars=1, seed=3, redraws=0).save(f"{long}.wav")
    for options in (["vary", "--count", "1"], ["fill", "--beats", "1"], ["continue"], ["morph", f"{long}.wav"]):
        words = ["fourfloor", options[0], f"{long}.wav", *options[1:], "--out", "made"]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as done:
            main()
        assert not done.value.code
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit, match="2"):
            main()
    assert all("." not in path.stem for path in (tmp_path / "made").iterdir())
    assert len(list((tmp_path / "made").iterdir())) == 9
