"""Datasets -> loops by number: features and audio, mapped from disk or read from an object store.

One or several catalogues act as one: loops are numbered through. The latent codec is fitted once to the first
dataset's training loops and kept beside them, so that decoder and prior, trained at the same time, agree on it.
"""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock

from fourfloor.errors import FourfloorError
from fourfloor.ingestion import catalogue
from fourfloor.ingestion.catalogue import Catalogue, Loop
from fourfloor.ingestion.naming import apart
from fourfloor.ingestion.schema import CODEC, SPLITS, to_waveform
from fourfloor.representations import codec_file, controls
from fourfloor.representations.latent import FEATURE_DIM, Codec
from fourfloor.saving import remove_leftovers, save_file
from fourfloor.signal.beatgrid import loop_frames
from fourfloor.signal.stft import resample_loop
from fourfloor.stores import Place

MONO_BYTES = 2**30  # of resampled loops kept in memory: two thousand of four bars at 10 kHz
LATE_SHARE = 0.2  # of each track's loops validates where no track is held out
CODEC_LOOPS = 600  # enough for a PCA of 352 values; more only costs time


class Dataset:
    """Loops of one or several datasets, each a folder or an address; features and audio are read when asked for."""

    def __init__(
        self, paths: Sequence[Place], vocabulary: Sequence[str] = (), quantiles: controls.Quantiles | None = None
    ) -> None:
        if not paths:
            raise FourfloorError("no dataset given: name a folder made by `fourfloor ingest` with --data")
        self.catalogues = [catalogue.load(path, once=True) for path in paths]
        self.bars = self.catalogues[0].bars
        for other in self.catalogues[1:]:
            if other.bars != self.bars or other.sample_rate != self.catalogues[0].sample_rate:
                first = self.catalogues[0].place
                raise FourfloorError(f"{other.place} has loops of another length or rate than {first}")
        self._parts: list[tuple[Catalogue, int]] = [
            (part, index) for part in self.catalogues for index in range(len(part.loops))
        ]
        self._features = {part.path: part.features() for part in self.catalogues}
        self._audio = {part.path: part.audio() for part in self.catalogues}
        self.sample_rate = self.catalogues[0].sample_rate
        known = list(vocabulary)
        # Index 0 means "any style"; a model's own vocabulary keeps its order and new styles follow it.
        self.vocabulary = known + [style for style in self.styles() if style not in known]
        # A model that is tuned or resumed keeps the scale of its controls, as it keeps its vocabulary.
        self._quantiles = quantiles
        self._ranks: dict[tuple[int, int, int], np.ndarray] = {}
        self._mates: dict[tuple[str, int], np.ndarray] = {}
        self._split_cache: dict[str, np.ndarray] = {}
        self._mono: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._mono_bytes = 0

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def data_hash(self) -> str:
        """Name the content of all parts: equal for equal loops, wherever they lie."""
        return "+".join(part.data_hash[:16] for part in self.catalogues)

    def loop(self, index: int) -> Loop:
        """Return the catalogue's row of a loop."""
        part, own = self._parts[index]
        return part.loops[own]

    def bpm(self, index: int) -> float:
        """Return the tempo of a loop."""
        return self.loop(index).bpm

    def style(self, index: int) -> str:
        """Return the style tag of a loop's track."""
        part, own = self._parts[index]
        return part.tracks[part.loops[own].track].style

    def style_index(self, index: int) -> int:
        """Return the number of a loop's style in the vocabulary, from 1."""
        return 1 + self.vocabulary.index(self.style(index))

    def style_mates(self, index: int) -> np.ndarray:
        """Return the loops of the same split and style, itself among them; what is given twice counts once."""
        key = self.split(index), self.style_index(index)
        if key not in self._mates:
            mates = [int(other) for other in self.indices(key[0]) if self.style_index(other) == key[1]]
            distinct = {(self._parts[mate][0].data_hash, self._parts[mate][1]): mate for mate in mates}
            self._mates[key] = np.array(list(distinct.values()))
        return self._mates[key]

    def name(self, index: int) -> str:
        """Return the name of a loop's track, which no track of another part has."""
        part, own = self._parts[index]
        return self.names[part.path, part.tracks[part.loops[own].track].name]

    @cached_property
    def names(self) -> dict[tuple[Path, str], str]:
        """Map each folder and name of a track in it to a name that differs from those in other folders."""
        keys = list(dict.fromkeys((part.path, track.name) for part in self.catalogues for track in part.tracks))
        place = {part.path: Path(part.place).absolute().parts for part in self.catalogues}
        places = [(*place[path], name) for path, name in keys]
        return dict(zip(keys, apart(places, [1] * len(keys)), strict=True))

    def styles(self) -> list[str]:
        """List the style tags that occur, sorted."""
        return sorted({track.style for part in self.catalogues for track in part.tracks})

    def evenly(self, split: str, count: int) -> list[int]:
        """Return at most `count` loops of a split, evenly over it."""
        indices = self.indices(split)
        return [int(i) for i in indices[np.linspace(0, len(indices) - 1, min(len(indices), count)).astype(int)]]

    def indices(self, split: str) -> np.ndarray:
        """Return the loops of a split, "plain" being those to train; a single loop is trained on and validates."""
        if split == "plain":
            return self.indices("train")
        if split not in self._split_cache:
            chosen = [i for i in range(len(self)) if self.split(i) == split]
            if not chosen and split == "validation":
                return self.indices("train")
            if not chosen:
                raise FourfloorError(f"{self.catalogues[0].place} has no loops for {split}: ingest more music")
            self._split_cache[split] = np.array(chosen)
        return self._split_cache[split]

    @cached_property
    def holds_out_tracks(self) -> bool:
        """Return whether whole tracks validate; else the last loops of each track do, which it has half heard."""
        return any(loop.split == "validation" for part in self.catalogues for loop in part.loops)

    def doubts(self) -> list[str]:
        """Say what may be a mistake in the choice of datasets: one that is given again, tracks on both sides."""
        given = Counter(part.data_hash for part in self.catalogues)
        first = {part.data_hash: part.place for part in reversed(self.catalogues)}
        told = [
            f"{first[data_hash]} is given {count} times, so its loops count {count} times. Name it once to avoid that."
            for data_hash, count in given.items() if count > 1
        ]  # fmt: skip
        sides: dict[str, set[str]] = {split: set() for split in SPLITS}
        for part in self.catalogues:
            for loop in part.loops:
                sides[loop.split].add(part.tracks[loop.track].sha256)
        if both := len(set.intersection(*sides.values())):
            are = "1 track is" if both == 1 else f"{both} tracks are"
            told.append(f"{are} held out in one dataset and trained on in another, so the validation loss is too low.")
        return told

    @cached_property
    def _late(self) -> frozenset[int]:
        """Return the loops that validate where no track is held out."""
        by_track: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, (part, own) in enumerate(self._parts):
            by_track[id(part), part.loops[own].track].append(index)  # a part given twice holds out the same loops
        counts = {track: max(1, round(LATE_SHARE * len(loops))) for track, loops in by_track.items() if len(loops) > 1}
        return frozenset(index for track, count in counts.items() for index in by_track[track][-count:])

    def split(self, index: int) -> str:
        """Return whether a loop is of "train" or "validation"."""
        if self.holds_out_tracks:
            return self.loop(index).split
        return "validation" if index in self._late else "train"

    def follower(self, index: int) -> int | None:
        """Return the loop of the same split that begins where this one ends in the same track, if there is one."""
        part, own = self._parts[index]
        following = own + 1
        if following < len(part.loops) and part.loops[following].follows == own:
            return index + 1 if self.split(index + 1) == self.split(index) else None
        return None

    def features(self, index: int) -> np.ndarray:
        """Return the features of a loop, float16 `(frames, FEATURE_DIM)`."""
        part, own = self._parts[index]
        if (part.feature_frames, part.feature_dim) != (loop_frames(part.bars), FEATURE_DIM):
            made = f"features {part.feature_frames} x {part.feature_dim} a loop"
            raise FourfloorError(f"{part.place}: was made by another version ({made}); make the dataset again")
        return self._features[part.path][own]

    def waveform(self, index: int) -> np.ndarray:
        """Return the audio of a loop, float32 `(channels, samples)`."""
        part, own = self._parts[index]
        row = part.loops[own]
        return to_waveform(self._audio[part.path][row.offset : row.offset + row.frames])

    def mono(self, index: int, samples: int) -> np.ndarray:
        """Return a loop mixed to mono and resampled to `(samples,)` float32; what was asked for lately is kept."""
        key = (index, samples)
        if key in self._mono:
            self._mono.move_to_end(key)
            return self._mono[key]
        resampled = resample_loop(self.waveform(index).mean(axis=0), samples)
        self._mono[key] = resampled
        self._mono_bytes += resampled.nbytes
        while self._mono_bytes > MONO_BYTES and len(self._mono) > 1:
            self._mono_bytes -= self._mono.popitem(last=False)[1].nbytes
        return resampled

    @property
    def has_truth(self) -> bool:
        """Return whether every part knows its truth, as `fourfloor produce --truth` writes them."""
        return all(part.truth_hashes for part in self.catalogues)

    def truth(self, name: str, index: int) -> np.ndarray:
        """Return what a producer's dataset keeps of a loop in one of its files of truth, as one row of values."""
        part, own = self._parts[index]
        return part.truth(name)[own]

    def control_quantiles(self) -> controls.Quantiles:
        """Return the scale that controls are ranked by: the given one, or that of the training loops."""
        if self._quantiles is None:
            measured = [controls.measure(self.features(int(index))) for index in self.indices("train")]
            self._quantiles = controls.quantiles_of(np.stack(measured))
        return self._quantiles

    def control_ranks(self, features: np.ndarray, cut: tuple[int, int, int] | None) -> np.ndarray:
        """Return the controls of some bars' features `(frames, FEATURE_DIM)` as ranks float32 `(5,)` on that scale.

        `cut` names the bars (loop, first bar, their number): what was measured once is kept, 2 ms a time.
        """
        known = self._ranks.get(cut) if cut else None
        if known is None:
            known = controls.ranks(controls.measure(features), self.control_quantiles())
            if cut:
                self._ranks[cut] = known
        return known

    def codec(self) -> Codec:
        """Return the latent codec kept with the first dataset; fit it where there is none yet."""
        path, data_hash = self.catalogues[0].path / CODEC, self.catalogues[0].data_hash
        if not path.exists():
            self._keep_codec(path, data_hash)
        return codec_file.load(path, data_hash)

    def _keep_codec(self, path: Path, data_hash: str) -> None:
        """Fit the codec and write it, unless another process did so meanwhile: both must read the same bytes."""
        try:
            with FileLock(path.with_name(f".{path.name}.lock")):
                remove_leftovers(path.parent)
                if not path.exists():
                    save_file(path, codec_file.to_bytes(self._fit_codec(), data_hash))
        except OSError as error:
            reason = f"{path}: cannot write the latent codec ({error.strerror})"
            raise FourfloorError(f"{reason}; make the folder writable") from None

    def _fit_codec(self) -> Codec:
        train = self.indices("train")
        chosen = train[np.linspace(0, len(train) - 1, min(len(train), CODEC_LOOPS)).astype(int)]
        try:
            return Codec.fit(np.concatenate([self.features(i) for i in chosen]))
        except FourfloorError as error:
            raise FourfloorError(f"{self.catalogues[0].place}: {error}") from None
