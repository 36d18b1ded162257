"""What a producer knows: stems that sum to the mastered loop, a score on the beat grid, and both in a dataset."""

from pathlib import Path

import numpy as np
import pytest

from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import load
from fourfloor.models.separator.network import overlapped as overlapped_tensors
from fourfloor.producer import Event, ProducedLoop, render_loop
from fourfloor.producer.score import roll
from fourfloor.representations import score, stems
from fourfloor.signal.stft import stft


@pytest.fixture(scope="module")
def techno() -> ProducedLoop:
    return render_loop(7, "peak-time techno", bars=1, grouped=True)


def test_the_four_stems_sum_to_the_mastered_loop(techno: ProducedLoop) -> None:
    assert techno.groups is not None
    assert techno.groups.shape == (4, *techno.waveform.shape)
    assert np.abs(techno.groups.sum(axis=0) - techno.waveform).max() < 1e-5
    assert np.array_equal(techno.waveform, render_loop(7, "peak-time techno", bars=1).waveform)


def test_the_kick_is_in_the_kicks_stem(techno: ProducedLoop) -> None:
    assert techno.groups is not None
    power = [float(np.mean(stft(group.mean(axis=0), 64)[:, 1:5].__abs__() ** 2)) for group in techno.groups]
    assert power[stems.STEMS.index("kick")] > 10 * power[stems.STEMS.index("drums")]


def test_a_score_holds_velocities_at_onsets_and_the_bass_while_it_sounds() -> None:
    events = [
        Event(instrument="kick", start=1.0, duration=0.25, pitch=36, velocity=1.0),
        Event(instrument="hat", start=3.99, duration=0.25, pitch=42, velocity=0.5),  # nearest to the first frame
        Event(instrument="bass", start=3.75, duration=0.5, pitch=33, velocity=0.8),
        Event(instrument="pad", start=0.0, duration=4.0, pitch=60, velocity=1.0),
    ]
    played = roll(events, bars=1)
    kick, hat, bass, pitch = (played[:, score.ROLES.index(name)] for name in ("kick", "hat", "bass", "pitch"))
    assert np.flatnonzero(kick).tolist() == [32]
    assert kick[32] == 255
    assert np.flatnonzero(hat).tolist() == [0]
    assert np.flatnonzero(bass).tolist() == [120]
    assert np.flatnonzero(pitch == 33).tolist() == [*range(8), *range(120, 128)]


def test_a_dataset_keeps_the_truth_of_each_loop(truth_folder: Path) -> None:
    dataset = Dataset([truth_folder])
    assert dataset.has_truth
    for index in range(len(dataset)):
        low, power = stems.analysis(dataset, index)
        mean_square = np.mean(np.square(stems.middle_side(dataset.waveform(index)))) * 2
        mixed = stems.mean_square(low.astype(float).sum(axis=1), np.exp(power.astype(float)).sum(axis=1))
        assert mixed == pytest.approx(mean_square, rel=0.3)  # but for what the stems' overlap adds or takes
        played = dataset.truth("score.u8", index).reshape(-1, len(score.ROLES))
        assert played[:, score.ROLES.index("kick")].any() == (np.square(low[:, 0].astype(float)).mean() > 1e-4)


def test_damaged_truth_is_refused(truth_folder: Path, tmp_path: Path) -> None:
    import shutil

    copied = tmp_path / "copied"
    shutil.copytree(truth_folder, copied)
    with open(copied / "score.u8", "r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    with pytest.raises(FourfloorError, match=r"score\.u8 is damaged"):
        load(copied)


def test_a_dataset_without_truth_is_refused(dataset_folder: Path) -> None:
    with pytest.raises(FourfloorError, match="produce --truth"):
        stems.check_loops(Dataset([dataset_folder]), stems.Config())


def test_splitting_and_masking_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    waveform = rng.standard_normal((2, 84_001)).astype(np.float32)
    low, high = stems.split_low(waveform, 1)
    assert low.shape == (2, 4 * stems.LOW_PER_BEAT)
    spectrum = stft(high[0], 128)
    assert np.abs(spectrum[:, :4]).max() < 1e-3 * np.abs(spectrum).max()
    power = stems.band_powers(high, 128)
    assert power.sum(axis=1).mean() == pytest.approx(2 * np.mean(np.square(high)), rel=0.1)
    masks = np.arange(stems.BANDS, dtype=np.float32)
    spread = stems.to_bins(masks)
    assert spread.shape == (1025,)
    assert (np.diff(spread) >= 0).all()


def test_windows_of_the_low_band_overlap_to_it() -> None:
    import torch

    low = np.random.default_rng(1).standard_normal(2048).astype(np.float32)
    seen = stems.see(low, np.ones((128, 2 * stems.BANDS), np.float32))
    windows = seen[:, : stems.LOW_WINDOW] * (stems.HOP / stems.LOW_WINDOW)
    assert np.allclose(stems.overlapped(windows), low, atol=1e-5)
    again = overlapped_tensors(torch.from_numpy(windows)[None, :, None], stems.HOP)
    assert np.allclose(again[0, 0].numpy(), low, atol=1e-5)


def spread(low: np.ndarray, beats: int) -> np.ndarray:
    """Lay two bars `(samples,)` over themselves at every so many beats."""
    rows = low.reshape(8, -1)
    return np.tile(rows.reshape(8 // beats, beats, -1).sum(axis=0), (8 // beats, 1)).ravel()


def test_the_separator_sees_what_comes_back_with_the_beat() -> None:
    beat = stems.FRAMES_PER_BEAT * stems.HOP
    rng = np.random.default_rng(2)
    kick, once = np.tile(rng.standard_normal(beat), 8), np.zeros(8 * beat)
    once[3 * beat + 40] = 8.0
    seen = stems.see(kick + once, np.ones((256, 2 * stems.BANDS), np.float32))
    views = seen[:, : 3 * stems.LOW_WINDOW].reshape(256, 3, -1)
    own, every, other = (stems.overlapped(view) * (stems.HOP / stems.LOW_WINDOW) for view in np.moveaxis(views, 1, 0))
    assert np.allclose(own, kick + once, atol=1e-5)
    assert np.allclose(every, kick + spread(once, 1) / 8, atol=1e-5)
    assert np.allclose(other, kick + spread(once, 2) / 4, atol=1e-5)


@pytest.mark.parametrize("name", ["separator", "transcriber"])
def test_what_makes_no_sound_is_trained_without_listening(name: str, truth_folder: Path, tmp_path: Path) -> None:
    from fourfloor import api

    overrides = ("model.width=32", "model.depth=1", "training.batch_size=2", "training.listen_seconds=1e-9")
    request = api.TrainRequest(
        recipe=Path(name), data=[truth_folder], run=tmp_path / "run", steps=2, device="cpu", overrides=overrides
    )
    assert api.train(request).steps == 2
    assert not (tmp_path / "run" / "listening").exists()


def test_a_hit_is_played_faster_from_its_onset() -> None:
    low, power = np.zeros((128, stems.HOP), np.float32), np.zeros((128, 2), np.float32)
    ramp = np.arange(64 * stems.HOP, dtype=np.float32).reshape(64, stems.HOP)
    low[32:96], power[32:96, 0] = ramp, np.arange(64)
    onsets = np.array([32, 96])
    same = stems.faster(low, power, onsets, 1.0)
    assert np.allclose(same[0][:95], low[:95], atol=1e-3)
    twice = stems.faster(low, power, onsets, 2.0)
    assert np.allclose(twice[0][32:62].ravel(), 2 * ramp[:30].ravel(), atol=1e-2)
    assert (twice[0][65:96] == 0).all()
    assert power[40, 0] == 8
    assert twice[1][40, 0] == 16
    half = stems.faster(low, power, onsets, 0.5)
    assert np.allclose(half[0][32:95].ravel(), 0.5 * ramp[:63].ravel(), atol=1e-2)


def test_a_ringing_kick_rises_from_each_onset_to_the_next() -> None:
    rises = stems.ringing(np.array([32, 96]), 128, 6.0, np.random.default_rng(2)).ravel()
    assert rises[32 * stems.HOP] == rises[96 * stems.HOP] == 1
    inside = np.log(rises[32 * stems.HOP : 96 * stems.HOP])
    assert np.abs(inside).max() > 0.1
    assert inside.max() <= stems.MOST_RING + 1e-4
    assert np.allclose(np.diff(inside[:100]), inside[1], atol=1e-4)
    assert np.log(rises[0]) == pytest.approx(np.log(rises[64 * stems.HOP]), abs=1e-4)  # 32 frames after an onset, both
