"""The producer: loops are exact, closed, sane and what their ground truth says."""

import numpy as np
import pytest
from scipy import signal

from fourfloor.evaluation.scores import score_loop
from fourfloor.ingestion.tempo import analyze_onsets, fit_grid
from fourfloor.producer import STYLES, ProducedLoop, circle, render_loop
from fourfloor.producer.harmony import MODES, NAMES, Key
from fourfloor.producer.oscillators import circular_phase, filtered_table, frequency, pad, read_table
from fourfloor.producer.phrasing import Row, mark_drums
from fourfloor.producer.synths import Patch, note
from fourfloor.signal.beatgrid import loop_samples

RATE = 22_050
STYLE_SEED = 77


@pytest.fixture(scope="module")
def techno() -> ProducedLoop:
    return render_loop(12, "peak-time techno", bars=2)


def test_same_seed_same_samples_another_seed_others() -> None:
    first, again, other = (render_loop(seed, bars=1, sample_rate=RATE) for seed in (3, 3, 4))
    assert np.array_equal(first.waveform, again.waveform)
    assert first.events == again.events
    assert first.waveform.shape != other.waveform.shape or not np.array_equal(first.waveform, other.waveform)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_renders_in_its_tempo_without_fault(style: str) -> None:
    loop = render_loop(21, style, bars=1, sample_rate=RATE)
    low, high = STYLES[style].bpm
    assert low <= loop.bpm <= high
    assert loop.waveform.shape == (2, loop_samples(loop.bpm, 1, RATE))
    assert loop.waveform.dtype == np.float32
    assert np.isfinite(loop.waveform).all()
    assert np.abs(loop.waveform).max() <= 10 ** (-0.3 / 20)
    assert np.abs(loop.waveform.mean(1)).max() < 1e-4
    assert -16 < 10 * np.log10(np.mean(loop.waveform**2)) < -5
    assert loop.style == style
    assert loop.key[:-3] in NAMES
    assert loop.key[-3:] in ("min", "maj")
    assert all(0 <= event.start < 4 and 0 < event.velocity <= 1 and event.duration > 0 for event in loop.events)
    assert {event.instrument for event in loop.events} <= set(loop.stems)


@pytest.mark.parametrize(
    ("bpm", "bars", "rate"), [(95, 1, 44_100), (127.3, 2, 16_000), (165, 4, 22_050), (133.7, 3, 22_050)]
)
def test_length_is_exact(bpm: float, bars: int, rate: int) -> None:
    loop = render_loop(5, bpm=bpm, bars=bars, sample_rate=rate)
    assert loop.waveform.shape[1] == round(bars * 4 * 60 / bpm * rate)
    assert all(stem.shape == loop.waveform.shape for stem in loop.stems.values())
    assert loop.bpm == bpm


@pytest.mark.parametrize("seed", range(30, 36))
def test_loops_score_as_music_with_a_closed_seam(seed: int) -> None:
    loop = render_loop(seed, bars=2)
    scores = score_loop(loop.waveform, 44_100, loop.bpm, 2)
    assert scores.seam.faults == ()
    assert scores.crackle < 4
    assert scores.clipping < 1e-3
    assert 8 < scores.crest_db < 18
    assert scores.independence > 0.1


def test_every_operation_on_the_circle_commutes_with_rotation() -> None:
    rng = np.random.default_rng(0)
    waveform = rng.standard_normal((2, 40_001)).astype(np.float32)
    sections = signal.butter(2, 40, "high", fs=RATE, output="sos")
    response = rng.standard_normal((2, 90_000)).astype(np.float32) * np.exp(-np.arange(90_000) / 9000).astype(
        np.float32
    )
    for operation in (
        lambda x: circle.filter_sections(sections, x, RATE),
        lambda x: circle.convolve(x, response),
        lambda x: circle.smooth_minimum(x[0], 25),
    ):
        turned = operation(np.roll(waveform, 12_345, -1))
        expected = np.roll(operation(waveform), 12_345, -1)
        assert np.abs(turned - expected).max() < 1e-3 * np.abs(expected).max()


def test_a_hit_wraps_around_as_often_as_it_is_long() -> None:
    track = np.zeros(10)
    circle.place(track, np.arange(1.0, 24.0), 7)
    expected = np.zeros(10)
    for i, value in enumerate(np.arange(1.0, 24.0)):
        expected[(7 + i) % 10] += value
    assert np.array_equal(track, expected)
    assert np.array_equal(circle.fold(np.arange(1.0, 24.0), 10), np.roll(expected, -7))


def test_the_low_end_is_mono_and_the_rest_is_not(techno: ProducedLoop) -> None:
    middle, side = techno.waveform.mean(0), 0.5 * (techno.waveform[0] - techno.waveform[1])
    spectra = [np.abs(np.fft.rfft(part)) ** 2 for part in (middle, side)]
    hertz = np.fft.rfftfreq(len(middle), 1 / 44_100)
    low, high = (hertz > 20) & (hertz < 110), (hertz > 1000) & (hertz < 8000)
    assert spectra[1][low].sum() < 1e-3 * spectra[0][low].sum()
    assert spectra[1][high].sum() > 1e-3 * spectra[0][high].sum()


@pytest.mark.parametrize("name", ["kick", "clap"])
def test_the_stem_rises_at_events_and_only_there(name: str) -> None:
    loop = render_loop(1, "classic house", bars=2)
    stem = np.abs(loop.stems[name]).sum(0)
    beat = len(stem) / 8
    starts = [round(event.start * beat) for event in loop.events if event.instrument == name]
    window = int(0.005 * 44_100)
    peaks = np.array([np.take(stem, np.arange(start, start + window), mode="wrap").max() for start in starts])
    assert len(starts) >= 2
    assert peaks.min() > 0.1 * stem.max()
    # Blocks of 5 ms where the level more than doubles from near silence: each begins at an event.
    levels = stem[: len(stem) // window * window].reshape(-1, window).max(1)
    rises = np.flatnonzero((levels > 0.2 * stem.max()) & (np.roll(levels, 1) < 0.05 * stem.max()))
    distances = [
        np.abs((rise * window - np.array(starts) + len(stem) / 2) % len(stem) - len(stem) / 2).min() for rise in rises
    ]
    assert len(rises) >= 2
    assert max(distances) <= 2 * window


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_the_tempo_tracker_finds_the_truth(seed: int) -> None:
    loop = render_loop(seed, "house", bars=4)
    assert any(event.instrument == "kick" for event in loop.events)
    track = np.tile(loop.waveform, -(-30 * 44_100 // loop.waveform.shape[1]))
    grid = fit_grid(analyze_onsets([track], 44_100))
    assert grid.bpm == pytest.approx(loop.bpm, rel=5e-4)
    beat = 60 / loop.bpm
    assert min(grid.first_beat % beat, beat - grid.first_beat % beat) < 0.02


@pytest.mark.parametrize("style", STYLES)
def test_the_tempo_tracker_finds_tempo_and_downbeat_of_every_style(style: str) -> None:
    loop = render_loop(STYLE_SEED, style)
    start = loop.waveform.shape[1] // 3
    track = np.tile(loop.waveform, -(-32 * 44_100 // loop.waveform.shape[1]))[:, start : start + 30 * 44_100]
    grid = fit_grid(analyze_onsets([track], 44_100))
    bar = 240 / loop.bpm
    assert grid.bpm == pytest.approx(loop.bpm, abs=0.05)
    assert abs((grid.first_downbeat + start / 44_100 + bar / 2) % bar - bar / 2) < 0.015


@pytest.mark.parametrize("bars", [1, 2, 3, 4])
@pytest.mark.parametrize("names", [("kick",), ("kick", "hat"), ("hat", "open"), ("conga",), ()])
def test_marks_set_one_beat_of_the_bar_apart(names: tuple[str, ...], bars: int) -> None:
    for seed in range(10):
        rows = [Row(name=name, velocities=np.tile([0.8, 0.0, 0.8, 0.0], 4 * bars)) for name in names]
        marked = mark_drums(rows, bars, {}, np.random.default_rng(seed))
        assert all(row.velocities.shape == (16 * bars,) for row in marked)
        assert all(row.velocities.min() >= 0 and 0 < row.velocities.max() <= 1 for row in marked)
        bar = np.concatenate([row.bars for row in marked]) if marked else np.zeros((1, 16))
        assert not marked or not any(np.allclose(bar, np.roll(bar, 4 * beats, 1)) for beats in (1, 2, 3))


def test_without_a_kick_a_backbeat_keeps_the_time() -> None:
    for seed in range(5):
        rows = mark_drums([Row(name="hat", velocities=np.full(64, 0.5))], 4, {}, np.random.default_rng(seed))
        assert any((row.bars[:3, [4, 12]] > 0).all() for row in rows if row.name in ("clap", "snare", "rim"))


@pytest.mark.parametrize("seed", range(60, 68))
def test_what_has_a_pitch_is_in_the_key(seed: int) -> None:
    loop = render_loop(seed, bars=2, sample_rate=16_000)
    pitched = ("bass", "acid", "stab", "pad", "lead", "arp")
    classes = {(event.pitch - NAMES.index(loop.key[:-3])) % 12 for event in loop.events if event.instrument in pitched}
    assert classes <= set(MODES[loop.mode])
    assert loop.key.endswith("maj") == (4 in MODES[loop.mode])


@pytest.mark.parametrize("patch", [Patch(), Patch(engine="sub"), Patch(engine="fm"), Patch(shape="square", voices=3)])
def test_a_note_has_its_pitch_and_ends(patch: Patch) -> None:
    waveform = note(patch, 57, 0.5, 0.8, RATE, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(waveform.sum(0), 8 * RATE))
    assert np.argmax(spectrum) / 8 == pytest.approx(frequency(57), rel=0.01)
    assert np.abs(waveform[:, -1]).max() < 1e-3


def test_the_filtered_wavetable_is_a_saw_through_a_low_pass() -> None:
    count, hertz, cutoff = 4 * RATE, 100.0, 400.0
    table = filtered_table("saw", 4, 0.0, 90)
    tone = read_table(table, np.arange(count) * hertz / RATE, np.full(count, cutoff / hertz))
    amplitudes = np.abs(np.fft.rfft(tone))[:: round(4 * hertz)][1:9] * 2 / count
    k = np.arange(1, 9)
    expected = 0.6 / k / np.abs((1 + 1j * k * hertz / cutoff) ** 4)
    assert amplitudes == pytest.approx(expected, rel=0.02)
    aliases = np.delete(np.abs(np.fft.rfft(tone)), np.arange(0, count // 2 + 1, round(4 * hertz)))
    assert aliases.max() < 1e-3 * np.abs(np.fft.rfft(tone)).max()


def test_phase_and_pads_close_the_circle() -> None:
    cycles = circular_phase(np.linspace(100, 230, 9973), RATE)
    assert cycles[-1] == pytest.approx(round(cycles[-1]), abs=1e-6)
    chord = pad([48, 55, 60], 9973, RATE, brightness_hz=2000, spread_cents=20, tilt=1.2, rng=np.random.default_rng(1))
    assert np.abs(chord[:, 0] - chord[:, -1]).max() < 3 * np.abs(np.diff(chord)).std() + np.abs(np.diff(chord)).max()


def test_scales_repeat_every_seven_degrees() -> None:
    for mode in MODES:
        key = Key(tonic=9, mode=mode)
        assert key.pitch(0, 4) == 69
        assert key.pitch(7, 4) == 81
        assert key.pitch(-1, 4) == key.pitch(6, 3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"style": "polka"}, "style 'polka' is unknown"),
        ({"bars": 0}, "bars 0"),
        ({"sample_rate": 8000}, "sample_rate 8000"),
    ],
)
def test_what_cannot_be_rendered_is_refused_in_one_line(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        render_loop(0, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_word_draws_among_its_styles() -> None:
    assert {render_loop(seed, "techno", bars=1, sample_rate=16_000).style.split()[-1] for seed in range(3)} == {
        "techno"
    }
    assert render_loop(0, "Deep-House", bars=1, sample_rate=16_000).style == "deep house"
