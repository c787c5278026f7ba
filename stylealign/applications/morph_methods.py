"""The methods of morphing: which frames each of them draws, and their measures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from stylealign.applications.morph_measures import MorphMeasures, MorphMeter
from stylealign.applications.morphing import (
    CODES_ONLY,
    CROSS_FADE,
    EVEN,
    JOINT,
    METHODS,
    PATHS,
    WEIGHTS_ONLY,
    Morph,
    even_times,
    linear_times,
    middle_positions,
)
from stylealign.config import MorphSettings
from stylealign.images import to_pixels
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.sampling import images_per_batch

EVEN_ROUNDS = 2
"""Rounds that make the steps even: the last one's frames count."""
PASSES = 4 + EVEN_ROUNDS
"""Times that the frames of a morph are drawn."""

Frames = Iterator[NDArray[np.uint8]]
"""Frame after frame `[N, 3, r, r]` uint8."""
Show = Callable[[str, Frames, NDArray[np.float64]], None]
"""Takes the method that is shown, its frames (all of them, once) and their times `[T]` or `[T, N]`."""


@dataclass(frozen=True)
class Measured:
    """Measures by method, and the times `[T]` or `[T, N]` of the frames of `EVEN`."""

    measures: dict[str, MorphMeasures]
    even_times: NDArray[np.float64]


def measure_methods(
    morph: Morph, settings: MorphSettings, distance: PerceptualDistance, show: Show, progress: Callable[[], None]
) -> Measured:
    """Draw and measure the morphs by every method.

    Args:
        morph: the morphs.
        settings: path, frames, and whether the even ones are shown.
        distance: perceptual distance of the steps.
        show: called for the one method that is shown.
        progress: called after each frame: `settings.frames * PASSES` times.
    """
    path, frames, times = PATHS[settings.path], morph.frames, linear_times(settings.frames)
    end = morph.images((1.0, 1.0))

    def made(method: str, drawn: Iterator[Tensor], shown: NDArray[np.float64] | None = None) -> MorphMeasures:
        meter = MorphMeter(distance)
        pixels = _metered(drawn, meter, progress)
        if shown is not None:
            show(method, pixels, shown)
        for _ in pixels:  # what was not shown
            pass
        return meter.result(end)

    measures = {JOINT: made(JOINT, frames(path, times), None if settings.even else times)}
    even, latest = times, measures[JOINT]
    for last in [False] * (EVEN_ROUNDS - 1) + [True]:
        even = even_times(even, latest.steps)
        latest = made(EVEN, frames(path, even), even if last and settings.even else None)
    measures[EVEN] = latest
    measures[CODES_ONLY] = made(CODES_ONLY, frames(lambda t: (path(t)[0], 0.0), times))
    measures[WEIGHTS_ONLY] = made(WEIGHTS_ONLY, frames(lambda t: (0.0, path(t)[1]), times))
    measures[CROSS_FADE] = made(CROSS_FADE, morph.cross_fade(times))
    return Measured(measures, even)


def _metered(frames: Iterator[Tensor], meter: MorphMeter, progress: Callable[[], None]) -> Frames:
    """Yield each frame as uint8 once it is measured."""
    for frame in frames:
        meter.add(frame)
        progress()
        yield to_pixels(frame)


def frames_back(morph: Morph, settings: MorphSettings, times: NDArray[np.float64]) -> Frames:
    """Yield the frames between the ends again, from the last to the first: memory does not grow with the frames."""
    return (to_pixels(frame) for frame in morph.frames(PATHS[settings.path], times[-2:0:-1]))


def middle_images(
    morph: Morph, settings: MorphSettings, even: NDArray[np.float64], resolution_px: int
) -> tuple[Frames, list[int]]:
    """Return the image half-way of each morph, method after method, and the number of its method in `METHODS`."""
    positions = middle_positions(PATHS[settings.path], even)
    frames = morph.middle(positions, images_per_batch(resolution_px))
    images = (image for _, frame in frames for image in to_pixels(frame))
    return images, [method for method in range(len(METHODS)) for _ in range(len(morph))]


def spread(frames: int, count: int) -> list[int]:
    """Return up to `count` different frame numbers spread evenly over a morph."""
    last = frames - 1
    count = min(count, frames)
    steps = max(count - 1, 1)
    return sorted({round(last * step / steps) for step in range(count)})
