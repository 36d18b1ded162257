import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import house_loop

from fourfloor.dataset import Dataset
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.representations import codec_file, latent, low_end, magnitude
from fourfloor.signal.beatgrid import BAR_COUNTS, loop_frames, loop_samples
from fourfloor.trained import codec_hash


def tone(hertz: float, samples: int) -> np.ndarray:
    """Return a tone whose frequency is rounded to whole turns of the loop."""
    turns = round(hertz * samples / latent.SAMPLE_RATE)
    return np.sin(2 * np.pi * turns * np.arange(samples) / samples).astype(np.float32)


@pytest.mark.parametrize("bpm", [90.0, 127.3, 180.0])
def test_the_low_end_of_a_tone_keeps_pitch_and_level(bpm: float) -> None:
    samples = loop_samples(bpm, 2, latent.SAMPLE_RATE)
    original = 0.5 * tone(55.0, samples)
    features = latent.analyze(original[None], bpm, 2)
    rebuilt = low_end.synthesize(features[:, latent.LOW], bpm, samples, np.zeros(len(low_end.BANDS)))
    spectrum, expected = np.abs(np.fft.rfft(rebuilt)), np.abs(np.fft.rfft(original))
    assert spectrum.argmax() == expected.argmax()
    assert rebuilt.std() == pytest.approx(original.std(), rel=0.05)


def test_the_low_end_closes_at_the_seam() -> None:
    bpm, samples = 126.0, loop_samples(126.0, 1, latent.SAMPLE_RATE)
    features = latent.analyze(house_loop(bpm, 1), bpm, 1)
    rebuilt = low_end.synthesize(features[:, latent.LOW], bpm, samples, np.array([1.0, 2.0]))
    inside = np.abs(np.diff(rebuilt)).max()
    assert abs(rebuilt[0] - rebuilt[-1]) <= inside


def test_masks_of_the_low_bands_sum_to_one_inside() -> None:
    inside = np.arange(30.0, 130.0)
    np.testing.assert_allclose(low_end.band_masks(inside).sum(axis=0), 1.0, atol=1e-9)
    assert low_end.band_masks(np.array([5.0, 400.0])).max() == 0


def test_features_do_not_depend_on_tempo_in_shape() -> None:
    for bpm in (92.0, 176.0):
        assert latent.analyze(house_loop(bpm, 1), bpm, 1).shape == (loop_frames(1), latent.FEATURE_DIM)


def test_mono_and_wide_loops_differ_only_in_the_side() -> None:
    mono = house_loop(120.0, 1).mean(axis=0)
    rng = np.random.default_rng(0)
    side = 0.1 * rng.standard_normal(mono.size).astype(np.float32)
    narrow = latent.analyze(np.stack([mono, mono]), 120.0, 1)
    wide = latent.analyze(np.stack([mono + side, mono - side]), 120.0, 1)
    np.testing.assert_allclose(narrow[:, latent.MEL], wide[:, latent.MEL], atol=1e-3)
    assert (narrow[:, latent.SIDE] == latent.SIDE_FLOOR).all()
    assert wide[:, latent.SIDE].mean() > latent.SIDE_FLOOR + 0.5


def test_the_codec_keeps_most_of_what_it_was_fitted_to(dataset_folder: Path) -> None:
    dataset = Dataset([dataset_folder])
    codec = dataset.codec()
    features = np.concatenate([dataset.features(int(i)) for i in dataset.indices("train")]).astype(np.float32)
    latents = codec.to_latents(features)
    assert latents.shape == (len(features) // 4, latent.LATENT_DIM)
    np.testing.assert_allclose(latents.mean(axis=0), 0, atol=1e-2)
    error = (codec.to_features(latents) - features)[:, latent.MEL]
    assert error.var() < 0.05 * features[:, latent.MEL].var()


def test_the_codec_is_written_once_and_read_back(dataset_folder: Path) -> None:
    first, second = Dataset([dataset_folder]).codec(), Dataset([dataset_folder]).codec()
    assert codec_file.to_bytes(first, "") == codec_file.to_bytes(second, "")


def test_a_codec_keeps_its_numbers_in_whatever_order_memory_holds_them(dataset_folder: Path, tmp_path: Path) -> None:
    codec = Dataset([dataset_folder]).codec()
    turned = latent.Codec(codec.mean, np.asfortranarray(codec.encode), np.asfortranarray(codec.decode))
    (tmp_path / "codec.safetensors").write_bytes(codec_file.to_bytes(turned, "x"))
    assert (codec_file.load(tmp_path / "codec.safetensors", "x").encode == codec.encode).all()
    assert codec_hash(turned) == codec_hash(codec)


def test_a_file_that_is_no_codec_is_refused(tmp_path: Path) -> None:
    (tmp_path / "codec.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="is not the dataset's latent codec"):
        codec_file.load(tmp_path / "codec.safetensors", "")


def test_too_little_music_cannot_fit_a_codec() -> None:
    with pytest.raises(ValueError, match="too few"):
        latent.Codec.fit(np.zeros((128, latent.FEATURE_DIM)))


def test_true_magnitudes_sound_like_the_original() -> None:
    bpm, waveform = 126.0, house_loop(126.0, 1)
    frames = loop_frames(1)
    mid, _ = latent.mid_side(waveform)
    log_magnitude = magnitude.log_magnitudes(mid, frames, np.arange(frames))
    features = latent.analyze(waveform, bpm, 1)
    rendering = magnitude.Rendering(iterations=32)
    rng = np.random.default_rng(0)
    loop = magnitude.render(log_magnitude, np.zeros_like(log_magnitude), features, bpm, mid.size, rng, rendering)
    rebuilt = magnitude.log_magnitudes(loop.mean(axis=0), frames, np.arange(frames))
    loud = log_magnitude > log_magnitude.max() - 5
    assert loop.shape == waveform.shape
    assert np.abs(rebuilt - log_magnitude)[loud].mean() < 0.35


@pytest.mark.parametrize("bars", [1, 2, 4, 8])
def test_batches_have_the_length_that_was_drawn(dataset_folder: Path, bars: int) -> None:
    dataset = Dataset([dataset_folder])
    config = latent.Config(bars_weights=tuple(float(bars == b) for b in BAR_COUNTS))
    batch = latent.batch(dataset, dataset.codec(), config, "train", 3, np.random.default_rng(0))
    assert batch["x"].shape == (3, bars * latent.LATENTS_PER_BAR, latent.LATENT_DIM)
    assert set(batch["style"]) <= {1, 2}


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_cuts_begin_at_any_bar_before_the_following_loop(
    dataset_folder: Path, bars: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, rng = Dataset([dataset_folder]), np.random.default_rng(0)
    numbered = np.arange(8).repeat(loop_frames(1))[:, None]
    monkeypatch.setattr(dataset, "features", lambda index: numbered[index % 2 * loop_frames(4) :][: loop_frames(4)])
    followed = next(index for index in range(len(dataset)) if dataset.follower(index) is not None)
    cuts = [latent._cut(dataset, followed, bars, rng) for _ in range(64)]
    assert {name for _, name in cuts} == {(followed, first, bars) for first in range(4)}
    for features, name in cuts:
        assert name is not None
        first = name[1]
        assert features[:: loop_frames(1), 0].tolist() == list(range(first, first + bars))


def test_recombined_loops_take_low_middle_and_high_bands_of_three() -> None:
    shape = loop_frames(1), latent.FEATURE_DIM
    low, middle, high = (np.full(shape, value, dtype=np.float16) for value in (0, 1, 2))
    widths = set()
    for seed in range(20):
        mixed = latent.recombine(low, middle, high, np.random.default_rng(seed))
        bands = mixed[0, latent.MEL]
        assert (np.diff(bands) >= 0).all()
        assert set(bands) == {0, 1, 2}
        assert (mixed[0, latent.SIDE] == [bands[latent.side_groups() == group][0] for group in range(16)]).all()
        assert not mixed[:, latent.LOW].any()
        widths.add(int((bands == 1).sum()))
    assert len(widths) > 5


@pytest.mark.parametrize(("few", "is_mixed"), [(0, False), (1000, True)])
def test_only_training_loops_of_a_style_of_few_are_recombined(
    dataset_folder: Path, few: int, is_mixed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset([dataset_folder])
    mixed: list[int] = []

    def noted(low: np.ndarray, middle: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        mixed.append(len(low))
        return low

    monkeypatch.setattr(latent, "recombine", noted)
    config = latent.Config(recombined=1.0, few=few, bars_weights=(0, 0, 0, 1))
    latent.batch(dataset, dataset.codec(), config, "train", 4, np.random.default_rng(0))
    assert bool(mixed) == is_mixed
    count = len(mixed)
    latent.batch(dataset, dataset.codec(), config, "validation", 4, np.random.default_rng(0))
    assert len(mixed) == count


def test_mates_share_style_and_split(dataset_folder: Path) -> None:
    dataset = Dataset([dataset_folder])
    for index in range(len(dataset)):
        mates = dataset.style_mates(index)
        assert index in mates
        assert {(dataset.style(int(i)), dataset.split(int(i))) for i in mates} == {
            (dataset.style(index), dataset.split(index))
        }


def test_a_dataset_given_twice_has_no_more_mates(dataset_folder: Path) -> None:
    once, twice = Dataset([dataset_folder]), Dataset([dataset_folder, dataset_folder])
    assert len(twice) == 2 * len(once)
    assert len(twice.style_mates(0)) == len(once.style_mates(0))


def test_a_dataset_given_twice_and_a_track_on_both_sides_are_said(dataset_folder: Path, tmp_path: Path) -> None:
    assert Dataset([dataset_folder]).doubts() == []
    copy = shutil.copytree(dataset_folder, tmp_path / "copy")
    told = f"{dataset_folder} is given 3 times, so its loops count 3 times. Name it once to avoid that."
    assert Dataset([dataset_folder, copy, dataset_folder]).doubts() == [told]
    with DatasetWriter(tmp_path / "other", bars=4) as writer:
        track = writer.add_track(name="x", path="x.wav", sha256=f"{0:064d}", bpm=96.0, split="validation")
        writer.add_loop(house_loop(96.0, 4, seed=0), track=track, bpm=96.0)
        writer.finish()
    (both,) = Dataset([dataset_folder, tmp_path / "other"]).doubts()
    assert both.startswith("1 track is held out in one dataset and trained on in another")


def test_tempi_of_a_batch_are_misnamed_within_the_stretch(dataset_folder: Path) -> None:
    dataset = Dataset([dataset_folder])
    for stretch in (0.0, 0.06):
        batch = latent.batch(
            dataset, dataset.codec(), latent.Config(stretch=stretch), "validation", 32, np.random.default_rng(0)
        )
        octaves = np.log2(batch["bpm"] / 150.0)
        assert np.abs(octaves).max() <= stretch + 1e-6
        assert np.ptp(octaves) >= 1.2 * stretch


def test_the_equalizer_turns_latents_and_magnitudes_alike(dataset_folder: Path) -> None:
    dataset = Dataset([dataset_folder])
    plain, equalized = (
        magnitude.batch(
            dataset, dataset.codec(), magnitude.Config(crop_latents=16, noise=0.0, equalize_db=db), "train", 2,
            np.random.default_rng(3),
        )
        for db in (0.0, 6.0)
    )  # fmt: skip
    of_bins = (equalized["x"] - plain["x"]).mean(axis=1)
    of_mels = (equalized["mel"] - plain["mel"]).mean(axis=1)
    assert np.abs(of_bins).max() > 0.3
    wanted = of_mels @ magnitude.mel_to_bins()  # less what the codec loses
    assert np.corrcoef(wanted.ravel(), of_bins.ravel())[0, 1] > 0.8


def test_sharpening_lifts_the_fastest_movements_alone() -> None:
    frames = np.arange(128)[:, None]
    fastest, slow = (-1.0) ** frames, np.cos(2 * np.pi * 8 * frames / 128)
    np.testing.assert_allclose(magnitude.sharpen(fastest, 0.9), 1.9 * fastest)
    np.testing.assert_allclose(magnitude.sharpen(slow + 3.0, 0.9), slow + 3.0, atol=0.002)


def test_a_batch_for_the_decoder_pairs_latents_with_their_frames(dataset_folder: Path) -> None:
    dataset = Dataset([dataset_folder])
    config = magnitude.Config(crop_latents=16, noise=0.0)
    batch = magnitude.batch(dataset, dataset.codec(), config, "train", 4, np.random.default_rng(0))
    assert batch["x"].shape == (4, 64, magnitude.BINS)
    envelope = batch["mel"] @ magnitude.mel_to_bins()
    loud = batch["x"] > batch["x"].max() - 6
    assert np.corrcoef(envelope[loud], batch["x"][loud])[0, 1] > 0.6


def test_the_limiter_holds_peaks_and_keeps_the_rest() -> None:
    rng = np.random.default_rng(0)
    loop = rng.uniform(-0.2, 0.2, (2, 50_000)).astype(np.float32)
    loop[0, [0, 20_000, 49_999]] = (1.0, -2.0, 1.5)
    limited = magnitude.limit(loop, 12.0)
    ceiling = np.sqrt((loop**2).mean()) * 10 ** (12.0 / 20)
    assert np.abs(limited).max() <= ceiling * 1.001
    np.testing.assert_allclose(limited[:, 10_000:19_000], loop[:, 10_000:19_000], rtol=1e-6)
    turned = magnitude.limit(np.roll(loop, 44 * 500, axis=1), 12.0)
    assert np.abs(turned).max() <= ceiling * 1.001


def test_a_quiet_loop_of_zeros_passes_the_limiter() -> None:
    assert not magnitude.limit(np.zeros((2, 1000), np.float32), 12.0).any()


def test_every_kick_starts_at_the_same_phase() -> None:
    bpm, bars = 126.0, 1
    waveform = house_loop(bpm, bars)
    features = latent.analyze(waveform, bpm, bars)
    samples = waveform.shape[1]
    low = low_end.synthesize(features[:, latent.LOW], bpm, samples, np.array([0.3, 2.0]))
    kicks = low.reshape(4, -1)[:, : samples // 12]  # the third of each beat that the kick has for itself
    assert np.corrcoef(kicks)[np.triu_indices(4, 1)].min() > 0.95
    assert len(low_end.find_onsets(np.ones(128))) == 0
    turned = low_end.synthesize(np.roll(features, 32, axis=0)[:, latent.LOW], bpm, samples, np.array([0.3, 2.0]))
    np.testing.assert_allclose(turned, np.roll(low, samples // 4), atol=0.02)


def test_a_pluck_leaves_a_sustained_sub_alone() -> None:
    frames, bpm = 128, 126.0
    features = np.zeros((frames, latent.FEATURE_DIM), np.float32)
    features[:, latent.LOW.start] = np.log(0.4 + low_end.FLOOR)
    features[:, latent.LOW.start + 2] = np.log(0.3 * np.exp(-(np.arange(frames) % 16) / 4) + low_end.FLOOR)
    low = low_end.synthesize(features[:, latent.LOW], bpm, 84_000, np.zeros(2))
    spectrum = np.fft.rfft(low)
    spectrum[round(60 * 84_000 / 44_100) :] = 0
    sub = np.abs(np.fft.ifft(np.concatenate([2 * spectrum, np.zeros(84_000 - spectrum.size)])))
    assert sub.min() > 0.3
