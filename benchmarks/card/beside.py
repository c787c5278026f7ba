"""Our trainings and our synthesis beside the published peer's, in alternation in one process."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial

import torch

from benchmarks.card.forms import Form, device, form
from benchmarks.card.records import Row
from benchmarks.card.timings import WARM, as_graphs, fresh, record, setting
from benchmarks.peers import PEER, Peer, PeerStep, installed
from benchmarks.synthesis import peer_synthesis, timed
from benchmarks.training import alternating, mean_step_s, new_step, times_as_fast
from stylealign.config import TrainSettings
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep

STEP, SYNTHESIS = "step beside a peer", "synthesis beside a peer"


def beside(case: str, chosen: Form, halves: tuple[bool, ...], batch: int, repeats: int = 3) -> Iterator[Row]:
    """Time training steps as graphs, then synthesis, in turns with the peer of the same size.

    The peer is in single precision, as it comes, and its steps are no graphs. One row says where it is not
    installed.

    Args:
        case: of `benchmarks.training`.
        chosen: form of ours.
        halves: ours in half precision in the high resolutions or not, each timed.
        batch: images of a step, and of a synthesis.
        repeats: measured rounds.
    """
    if not installed():
        note = f"not installed (pip install {PEER}, in an environment of its own): not timed"
        yield Row(STEP, case, PEER, note=note)
        return
    yield from _steps(case, chosen, halves, batch, repeats)
    fresh()
    yield from _synthesis(case, chosen, halves, batch, repeats)


def _steps(case: str, chosen: Form, halves: tuple[bool, ...], batch: int, repeats: int) -> Iterator[Row]:
    own: dict[str, TrainingStep] = {}
    told: dict[str, list[str]] = {}
    for half in halves:
        settings, shape, resolution = setting(case, half, batch_size=batch)
        name = _precision(half)
        own[name], told[name] = new_step(shape, settings, resolution, device()), []
        record(own[name], told[name])
    peer = PeerStep(Peer(own[name].generator.architecture).to(device()), settings)
    real = torch.rand(batch, 3, resolution, resolution, device=device()) * 2 - 1
    contexts = dict.fromkeys(own, partial(form, chosen))
    seconds = alternating({**own, PEER: peer}, contexts, settings, real, repeats, WARM)
    shown = f"{case}, batch {batch}"
    yield _step_row(shown, PEER, _precision(False), seconds[PEER], settings)
    for name, found in seconds.items():
        if name != PEER:
            ratio = times_as_fast(found, seconds[PEER], settings)
            yield _step_row(shown, as_graphs(chosen), name, found, settings, ratio, told[name])


def _step_row(
    case: str,
    name: str,
    precision: str,
    seconds: dict[int, list[float]],
    settings: TrainSettings,
    ratio: float | None = None,
    told: list[str] | None = None,
) -> Row:
    mean_s, batch = mean_step_s(seconds, settings), settings.batch_size
    note = "; ".join([*_ratio_note(ratio), *(told or [])])
    values = None if ratio is None else {"ratio_to_peer": ratio}
    return Row(STEP, case, name, precision, batch / mean_s, 1000 * mean_s / batch, note=note, values=values)


def _ratio_note(ratio: float | None) -> list[str]:
    return [] if ratio is None else [f"{ratio:.3g} times as fast as {PEER}"]


def _synthesis(case: str, chosen: Form, halves: tuple[bool, ...], batch: int, repeats: int) -> Iterator[Row]:
    run: dict[str, Callable[[], torch.Tensor]] = {}
    with torch.inference_mode():
        for half in halves:
            settings, shape, resolution = setting(case, half)
            generator = new_networks(shape, settings, resolution)[1].to(device()).eval()
            ws = generator.mapping(torch.randn(batch, shape.z_dim, device=device()))
            run[_precision(half)] = partial(generator.synthesis, ws)
        run[PEER] = peer_synthesis(generator.architecture, batch, device())
        seconds: dict[str, list[float]] = {name: [] for name in run}
        for repeat in range(1 + repeats):
            for name, times in seconds.items():
                with nullcontext() if name == PEER else form(chosen):
                    took = timed(run[name])
                if repeat:
                    times.append(took)
    shown = f"{case}, batch {batch}"
    yield Row(SYNTHESIS, shown, PEER, _precision(False), batch / statistics.median(seconds[PEER]))
    for name, times in seconds.items():
        if name != PEER:
            ratio = statistics.median(theirs / ours for theirs, ours in zip(seconds[PEER], times, strict=True))
            speed, values = batch / statistics.median(times), {"ratio_to_peer": ratio}
            yield Row(SYNTHESIS, shown, chosen, name, speed, note=_ratio_note(ratio)[0], values=values)


def _precision(half: bool) -> str:
    return "half" if half else "float32"
