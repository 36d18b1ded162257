"""The weights of an exported model as arrays: half precision, or 8 bits with a scale for each row of a matrix."""

from collections.abc import Iterator, Mapping

import numpy as np

from fourfloor.errors import FourfloorError

TYPES = (np.float32, np.float16, np.int64, np.bool_)  # of what is not in 8 bits
SMALL = 10_000  # matrices of fewer weights are stored in half precision


class StoredArrays(Mapping[str, np.ndarray]):
    """Weights in single precision by their names in the state dict; each is widened when it is asked for."""

    def __init__(self, values: Mapping[str, np.ndarray], scales: Mapping[str, np.ndarray]) -> None:
        for name, value in values.items():
            _check(name, value, scales.get(name))
        self.values_in_8_bits = {name: values[name] for name in scales if name in values}
        self.scales = scales
        self._values = values

    def __getitem__(self, name: str) -> np.ndarray:
        value = self._values[name]
        if name in self.scales:
            return value.astype(np.float32) * self.scales[name][:, None]
        return value.astype(np.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def stored(name: str, value: np.ndarray) -> dict[str, np.ndarray]:
    """Return the tensors that a model folder keeps of a weight, by their names in it."""
    if value.ndim == 2 and value.size > SMALL:
        scale = np.maximum(np.abs(value).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
        return {f"ema/{name}": np.round(value / scale[:, None]).astype(np.int8), f"scales/{name}": scale}
    return {f"ema/{name}": value.astype(np.float16) if value.dtype == np.float32 else value}  # a count may be large


def _check(name: str, value: np.ndarray, scale: np.ndarray | None) -> None:
    if scale is None:
        sound = value.dtype in TYPES and bool(np.isfinite(value).all())
    else:
        sound = value.dtype == np.int8 and value.ndim == 2 and scale.dtype in (np.float32, np.float16)
        sound = sound and scale.shape == value.shape[:1] and bool(np.isfinite(scale).all())
    if not sound:
        raise FourfloorError(f"weight {name} is of a wrong type or not finite")
