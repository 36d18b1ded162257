"""The beat grid: how many samples and frames a loop of whole bars has at a tempo.

Frames are a fixed fraction of a beat apart, so that loops of every tempo have the same number of frames and can share
a batch.
"""

from fourfloor.errors import FourfloorError

FRAMES_PER_BEAT = 32
BEATS_PER_BAR = 4
BPM_RANGE = (90.0, 180.0)
BAR_COUNTS = (1, 2, 4, 8)  # of a loop
SAMPLE_RATE = 44_100


def check_bpm(bpm: float) -> None:
    """Raise FourfloorError in one line for a tempo that no loop has."""
    low, high = BPM_RANGE
    if not low <= bpm <= high:
        raise FourfloorError(f"bpm {bpm:.10g} is outside {low:g}-{high:g}: choose a tempo in that range")


def check_bars(bars: int) -> None:
    """Raise FourfloorError in one line for a number of bars that no loop has."""
    if bars not in BAR_COUNTS:
        raise FourfloorError(f"bars {bars} is not one of {', '.join(map(str, BAR_COUNTS))}: choose one of them")


def playable_bpm(bpm: float) -> float:
    """Return a tempo, or the nearest that loops can be made at."""
    low, high = BPM_RANGE
    return min(max(bpm, low), high)


def loop_samples(bpm: float, bars: float, sample_rate: int) -> int:
    """Count the samples of a loop of `bars` 4/4 bars at `bpm`, rounded to the nearest one."""
    if not 1 <= bpm <= 1000:
        raise FourfloorError(f"bpm {bpm:g} is outside 1-1000: give the loop's tempo in beats per minute")
    return round(bars * BEATS_PER_BAR * 60.0 / bpm * sample_rate)


def loop_frames(bars: int) -> int:
    """Count the grid frames of a loop of `bars` bars: 128 a bar at every tempo."""
    return bars * BEATS_PER_BAR * FRAMES_PER_BEAT
