"""Loops, float32 (channels, frames) in [-1, 1], with their tracks -> a dataset, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import FILES, Catalogue, Loop, Track, hash_file, load, loop_features, read_json
from fourfloor.ingestion.schema import (
    AUDIO,
    CATALOGUE,
    FEATURES,
    SCHEMA,
    SPLITS,
    TRUTH,
    content_hashes,
    to_pcm,
    to_waveform,
)
from fourfloor.saving import check_folder_name, save_file
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.workspace import Workspace, finish_interrupted, resolved, visible_names


class DatasetWriter:
    """Write a dataset in a hidden folder and put it in its place when it is complete (`fourfloor.workspace`).

    Use as a context manager: leaving it without `finish` removes what was written. What a killed process left, the
    next writer clears; two writers of one dataset exclude each other. The folder `scratch` is for files that are needed
    meanwhile; with `keep_scratch` it stays where the dataset is not finished.
    """

    def __init__(
        self,
        out: str | Path,
        *,
        bars: int,
        sample_rate: int = 44_100,
        channels: int = 2,
        overwrite: bool = False,
        settings: dict[str, Any] | None = None,
        keep_scratch: bool = False,
        truth: bool = False,
    ) -> None:
        self.out = resolved(Path(out))
        self.bars, self.sample_rate, self.channels = bars, sample_rate, channels
        self.settings = settings or {}
        self._tracks: list[dict[str, Any]] = []
        self._loops: list[dict[str, Any]] = []
        self._rejected: list[dict[str, str]] = []
        self._offset = 0
        self._feature_shape: tuple[int, int] | None = None
        finish_interrupted(self.out, FILES)
        _check_target(self.out, overwrite)
        with self._plain_errors(), contextlib.ExitStack() as opened:
            self._work = opened.enter_context(Workspace(self.out, FILES, keep_scratch=keep_scratch))
            self.scratch, self._new = self._work.scratch, self._work.new
            self._audio: BinaryIO = opened.enter_context(open(self._new / AUDIO, "wb"))
            self._features: BinaryIO = opened.enter_context(open(self._new / FEATURES, "wb"))
            names = TRUTH if truth else ()
            self._truth = {name: opened.enter_context(open(self._new / name, "wb")) for name in names}
            self._opened = opened.pop_all()

    def add_track(
        self,
        *,
        name: str,
        path: str,
        sha256: str,
        bpm: float,
        confidence: float = 1.0,
        first_downbeat: float = 0.0,
        style: str = "music",
        split: str = "train",
        dropped: dict[str, int] | None = None,
        repairs: list[str] | None = None,
        meter: str = "4/4",
        drift_ms: float = 0.0,
        grid: str = "exact",
    ) -> int:
        """Add a track and return its index; its loops follow through `add_loop`."""
        if split not in SPLITS:
            raise FourfloorError(f"{name}: split {split!r} is neither of {SPLITS}")
        track = Track(
            name=name, path=path, sha256=sha256, bpm=float(bpm), confidence=float(confidence),
            first_downbeat=float(first_downbeat), style=style, split=split, loops=0,
            dropped=dict(sorted((dropped or {}).items())), repairs=list(repairs or []),
            meter=meter, drift_ms=float(drift_ms), grid=grid,
        )  # fmt: skip
        self._tracks.append(asdict(track))
        return len(self._tracks) - 1

    def add_loop(
        self,
        waveform: np.ndarray,
        *,
        track: int,
        bpm: float,
        start_seconds: float = 0.0,
        gain_db: float = 0.0,
        follows: int | None = None,
        key: str | None = None,
        features: np.ndarray | None = None,
        truth: Mapping[str, np.ndarray] | None = None,
    ) -> int:
        """Add a loop, float32 (channels, frames) or int16 (frames, channels), and return its index.

        Its length must be exactly `loop_samples(bpm, bars, sample_rate)`. `features` are computed where not given,
        from the rounded audio, so that they always describe the bytes on disk. In a dataset with truth,
        `truth` holds the arrays of each file of TRUTH.
        """
        pcm = waveform if waveform.dtype == np.int16 else to_pcm(waveform)
        frames = loop_samples(bpm, self.bars, self.sample_rate)
        if pcm.shape != (frames, self.channels):
            raise FourfloorError(f"a loop has shape {pcm.shape}, at {bpm:g} BPM it must have {(frames, self.channels)}")
        if features is None:
            features = loop_features(to_waveform(pcm), bpm, self.bars)
        self._feature_shape = self._feature_shape or (features.shape[0], features.shape[1])
        if features.shape != self._feature_shape or not np.isfinite(features).all():
            raise FourfloorError(f"a loop has features {features.shape}, expected finite {self._feature_shape}")
        data = np.ascontiguousarray(pcm, dtype="<i2").tobytes()
        with self._plain_errors():
            self._audio.write(data)
            self._features.write(np.ascontiguousarray(features, dtype="<f2").tobytes())
            for name, file in self._truth.items():
                file.write(np.ascontiguousarray((truth or {})[name]).tobytes())
        loop = Loop(
            track=track, start_seconds=float(start_seconds), bpm=float(bpm), bars=self.bars,
            split=self._tracks[track]["split"], offset=self._offset, frames=frames, gain_db=float(gain_db),
            sha256=hashlib.sha256(data).hexdigest(), follows=follows, key=key,
        )  # fmt: skip
        self._loops.append(asdict(loop))
        self._tracks[track]["loops"] += 1
        self._offset += frames
        return len(self._loops) - 1

    def reject(self, file: str, reason: str) -> None:
        """Record a file from which nothing was taken, and why."""
        self._rejected.append({"file": file, "reason": reason})

    def finish(self) -> Catalogue:
        """Put the dataset in its place, read it back and return its catalogue; FourfloorError without loops."""
        if not self._loops or self._feature_shape is None:
            raise FourfloorError(f"{self.out}: no loops to write")
        with self._plain_errors():
            for file in (self._audio, self._features, *self._truth.values()):
                _flush(file)
                file.close()
            if self._truth:
                self.settings["truth"] = {name: hash_file(self._new / name) for name in self._truth}
            self._write_catalogue(self._feature_shape)
            # Read back before the old dataset goes: a success message means that these bytes are on disk.
            load(self._new)
            self._work.place()
        self.close()
        return load(self.out, verify=False)

    def drop_scratch(self) -> None:
        """Keep the scratch folder no longer: what comes now is not worth going on with after an interruption."""
        self._work.keep_scratch = False

    def close(self) -> None:
        """Remove what is not finished and let others write; harmless after `finish`."""
        with contextlib.suppress(OSError):  # closing also fails on a full disk; the files are removed all the same
            self._opened.close()

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FourfloorError(
                f"{self.out}: cannot write the dataset ({reason}); free space or choose another folder"
            ) from error

    def _write_catalogue(self, feature_shape: tuple[int, int]) -> None:
        content: dict[str, Any] = {
            "schema": SCHEMA, "settings": self.settings, "bars": self.bars, "sample_rate": self.sample_rate,
            "channels": self.channels, "feature_frames": feature_shape[0], "feature_dim": feature_shape[1],
            "tracks": self._tracks, "loops": self._loops, "rejected": self._rejected,
            "features_sha256": hash_file(self._new / FEATURES),
        }  # fmt: skip
        content["data_hash"], content["catalogue_hash"] = content_hashes(content)
        text = json.dumps(content, ensure_ascii=True, allow_nan=False, indent=1) + "\n"
        save_file(self._new / CATALOGUE, text.encode("ascii"))


def _check_target(out: Path, overwrite: bool) -> None:
    """Refuse to replace anything but a dataset, and that only when asked."""
    if not out.exists():
        check_folder_name(out)
        return
    if not out.is_dir():
        raise FourfloorError(f"{out}: is not a folder; choose another name for the dataset")
    try:
        names = visible_names(out)
    except OSError as error:
        raise FourfloorError(f"{out}: cannot be read ({error.strerror}); choose another folder") from None
    if names and not _is_dataset(out, names):
        raise FourfloorError(f"{out}: is a folder with other files; choose a new or empty one")
    if names and not overwrite:
        raise FourfloorError(f"{out}: a dataset is there already; choose another folder or pass --overwrite")
    if names - FILES:
        raise FourfloorError(f"{out}: holds {min(names - FILES)}, no part of a dataset; move it away first")


def _is_dataset(out: Path, names: set[str]) -> bool:
    """Return whether a folder holds a dataset, be it damaged: a file catalogue.json alone may be anybody's."""
    if names & {AUDIO, FEATURES}:
        return True
    try:
        return "features_sha256" in read_json(out)
    except (OSError, ValueError, RecursionError):
        return False


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
