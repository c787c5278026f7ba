"""Whole training steps as CUDA graphs: recorded once, then started with one call instead of thousands.

A graph repeats the very same operations on the very same memory. So the shapes of a step must stay, and what it draws
and what Python decides happens before: the images and the random inputs are copied into fixed tensors, and there is a
graph for every kind of step (with and without each lazy regulariser, with and without augmentation).

Wanted where `STYLEALIGN_GRAPHS=1`, which the self-test at the start of a training sets where it is open (`selftest`).
The first steps of each kind are a test of their own: a step is computed as always a few times, recorded and repeated
from the same state; the graph is kept where it comes to the same weights, as nearly as the others do, is not slower,
and leaves room for a step as always. What was chosen is said in one line for each kind.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, NamedTuple, Protocol
from weakref import WeakSet

import torch
from torch import Tensor

from stylealign.config import KeepSettings
from stylealign.errors import StyleAlignError
from stylealign.training.augment import Augmentation
from stylealign.training.draws import Draws
from stylealign.training.inputs import copied, copy_into

VARIABLE = "STYLEALIGN_GRAPHS"
LEAST_DIFFERENCE = 0.02
"""How far a step may always be off, as a share of how far it moves the weights of a network, or what else it moves."""
OF_TWO_STEPS = 3.0
"""How far it may be off as a multiple of the difference of two steps computed as always: a GPU's sums have no order."""
REPEATS = 3
"""Pairs of steps computed as always whose largest difference counts: that of one pair is near 0 by chance."""

Scalars = dict[str, Tensor]
State = dict[str, list[Tensor]]
"""Tensors by what they are."""


class Kind(NamedTuple):
    """What a step does besides the two losses."""

    lengths: bool
    """Regularises path lengths."""
    penalty: bool
    """Regularises the discriminator."""
    augments: bool
    """Transforms what the discriminator sees."""

    def words(self) -> str:
        """Return the kind for people."""
        names = {"path lengths": self.lengths, "R1": self.penalty, "augmentation": self.augments}
        return " + ".join(["step", *(name for name, is_there in names.items() if is_there)])


class Recording(Protocol):
    """A recorded function; `replay` repeats it on the same tensors, its result included."""

    result: Scalars

    def replay(self) -> None:
        """Repeat what was recorded."""


class CudaRecording:
    """A function as a CUDA graph.

    All graphs of a process share their memory, as one runs after another: what one leaves there lasts until the next.
    Memory in which a recording has failed is not begun again: PyTorch believes that it is still going on.
    """

    def __init__(self, run: Callable[[], Scalars]) -> None:
        self.graph = torch.cuda.CUDAGraph()
        random = torch.cuda.get_rng_state()
        try:
            # A recording that fails leaves its own stream the current one.
            with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(self.graph, pool=_shared_memory()):
                self.result = run()
        except Exception:
            _living.clear()
            _renew_random_numbers(random)
            raise
        _living.add(self.graph)

    def replay(self) -> None:
        """Start the graph."""
        self.graph.replay()


def _renew_random_numbers(state: Tensor) -> None:
    """Give the GPU a generator that no graph holds: after a recording that failed, the old one refuses to draw."""
    renewed = torch.Generator(torch.device("cuda", torch.cuda.current_device()))
    renewed.set_state(state)
    torch.cuda.default_generators[torch.cuda.current_device()].graphsafe_set_state(renewed)


_living: WeakSet[torch.cuda.CUDAGraph] = WeakSet()
"""The graphs that are there and whose memory is shared."""


def _shared_memory() -> Any:
    """Return the memory of the graphs that are there, or None for new: what all graphs have left takes none again."""
    return next((graph.pool() for graph in _living), None)


class Stepping(Protocol):
    """What graphs need of a training step."""

    @property
    def optimisers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Those of the networks."""

    def move(self, kind: Kind, real: Tensor) -> Scalars:
        """Take the step on a batch, but for what Python decides by its results."""

    def inputs_of(self, kind: Kind, batch: int) -> list[Draws | Augmentation]:
        """Draw its random inputs."""

    def with_inputs(self, inputs: list[Draws | Augmentation]) -> AbstractContextManager[None]:
        """Take the random inputs of the step inside from these."""

    def moved_tensors(self) -> dict[str, list[Tensor]]:
        """Return every tensor that a step changes, by groups that are judged each by itself."""

    def forget_gradients(self) -> None:
        """Drop the gradients that a step that was broken off has left."""


def reason_against(keep: KeepSettings, blur_px: float, parts: int, is_cuda: bool) -> str | None:
    """Say why the steps of a training cannot be graphs; None where they can."""
    reasons = {
        "there is no GPU": not is_cuda,
        "what keeps a child aligned changes with time": any(method.changes for method in keep.methods.values()),
        "keep.patches has a network of its own": keep.patches.weight > 0,
        "the blur changes with time": blur_px > 0,
        "a batch is computed in parts": parts > 1,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def wanted_graphs(reason: str | None) -> bool:
    """Say whether graphs are asked for and can be; say in one line why not, where they are asked for.

    Raises:
        StyleAlignError: the variable says neither yes nor no.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", "0", "1"):
        raise StyleAlignError(f"{VARIABLE}={asked}: 1 records steps as CUDA graphs, 0 does not; or unset it")
    if asked != "1":
        return False
    if reason is not None:
        print(f"stylealign train: {VARIABLE}=1: steps are computed as always: {reason}", file=sys.stderr, flush=True)
    return reason is None


class Graphs:
    """The recorded steps of a training.

    Args:
        step: what is recorded.
        record: how.
        notify: gets one line for each kind of step: what was chosen for it.
        must_be_faster: drop a graph that is slower than the step as always.
    """

    def __init__(
        self,
        step: Stepping,
        record: Callable[[Callable[[], Scalars]], Recording] = CudaRecording,
        notify: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        must_be_faster: bool = True,
    ) -> None:
        self._step, self._record, self._notify, self._must_be_faster = step, record, notify, must_be_faster
        self._seen: set[Kind] = set()
        self._recorded: dict[Kind, tuple[Recording, Tensor, list[Draws | Augmentation]] | None] = {}

    @property
    def count(self) -> int:
        """How many kinds of step are recorded."""
        return sum(found is not None for found in self._recorded.values())

    def move(self, kind: Kind, real: Tensor) -> Scalars:
        """Take a step of this kind on a batch `[N, 3, H, W]`; return its scalars."""
        inputs = self._step.inputs_of(kind, len(real))
        if kind not in self._seen:  # the first makes room for the optimisers' means, and lets libraries choose
            self._seen.add(kind)
            return self._as_always(kind, real, inputs)
        if kind not in self._recorded:
            return self._tested(kind, real, inputs)
        found = self._recorded[kind]
        if found is None:
            with self._step.with_inputs(inputs):
                return self._step.move(kind, real)
        recording, own_real, own_inputs = found
        own_real.copy_(real)
        copy_into(own_inputs, inputs)
        recording.replay()
        return {name: value.clone() for name, value in recording.result.items()}

    def _as_always(self, kind: Kind, real: Tensor, inputs: list[Draws | Augmentation]) -> Scalars:
        with self._step.with_inputs(inputs), _beside(real):
            return self._step.move(kind, real)

    def _tested(self, kind: Kind, real: Tensor, inputs: list[Draws | Augmentation]) -> Scalars:
        """Take the step as always; record it, and keep the recording where it does the same."""
        before = self._saved()
        scalars = self._as_always(kind, real, inputs)
        after = self._saved()
        again, always_s = dict.fromkeys(before, 0.0), float("inf")
        for _ in range(REPEATS):
            self._restore(before)
            _, took_s = _timed(lambda: self._as_always(kind, real, inputs), real)
            differences = _differences(self._saved(), after, before)
            again = {name: max(share, differences[name]) for name, share in again.items()}
            always_s = min(always_s, took_s)
        recorded, recording = None, None
        try:
            self._restore(before)
            own_real, own_inputs = real.clone(), copied(inputs)
            with self._step.with_inputs(own_inputs), _capturable(self._step):
                recording = self._record(lambda: self._step.move(kind, own_real))
            self._restore(before)
            recording.replay()
            found = _differences(self._saved(), after, before)
            _, graph_s = _timed(recording.replay, real)
            times = f"{1e3 * graph_s:.1f} ms against {1e3 * always_s:.1f} ms"
            allowed = {name: max(LEAST_DIFFERENCE, OF_TWO_STEPS * share) for name, share in again.items()}
            refused = [name for name, share in found.items() if not share <= allowed[name]]
            if refused:
                worst = max(refused, key=found.__getitem__)
                told = f"no graph: {worst} off by {found[worst]:.1e} of the step, allowed are {allowed[worst]:.1e}"
            elif self._must_be_faster and graph_s >= always_s:
                told = f"no graph: {times}"
            elif (lack := _lack_of_room(real)) is not None:
                told = f"no graph: {lack}"
            else:
                told = f"CUDA graph: {times}, off by {max(found.values()):.1e} of the step"
                recorded = recording, own_real, own_inputs
        except Exception as error:  # whatever a driver says of an operation that cannot be recorded
            told = f"no graph: {_reason(error)}"
        self._step.forget_gradients()
        self._restore(after)
        if recorded is None:
            recording = None  # with its memory
        if real.is_cuda:
            torch.cuda.empty_cache()  # what the steps on the stream beside have held
        self._recorded[kind] = recorded
        self._notify(f"stylealign train: {kind.words()}: {told}")
        return scalars

    def _saved(self) -> State:
        return {name: [one.detach().clone() for one in group] for name, group in self._step.moved_tensors().items()}

    def _restore(self, saved: State) -> None:
        with torch.no_grad():
            for name, group in self._step.moved_tensors().items():
                for tensor, value in zip(group, saved[name], strict=True):
                    tensor.copy_(value)


def _reason(error: Exception) -> str:
    """Return what an error says in one line, and what came first: a recording that ends with one hides its cause."""
    text = " ".join(str(error).split())[:200]
    if error.__context__ is None or error.__cause__ is not None:
        return text
    return f"{text} (first: {' '.join(str(error.__context__).split())[:200]})"


def _differences(found: State, expected: State, before: State) -> dict[str, float]:
    """Return how far two states are apart as a share of how far the step moved, of each group by itself.

    Infinite for what is no number, and for what the step did not move.
    """
    return {name: _share(found[name], expected[name], before[name]) for name in expected}


def _share(found: list[Tensor], expected: list[Tensor], before: list[Tensor]) -> float:
    if not expected:
        return 0.0
    apart = torch.stack([(a - b).double().norm() for a, b in zip(found, expected, strict=True)]).norm()
    moved = torch.stack([(b - c).double().norm() for b, c in zip(expected, before, strict=True)]).norm()
    share = 0.0 if apart == 0 else float(apart / moved)
    return share if share == share else float("inf")


def _timed(run: Callable[[], object], like: Tensor) -> tuple[object, float]:
    """Return a call's result and seconds, the GPU's work included."""
    if like.is_cuda:
        torch.cuda.synchronize(like.device)
    started = time.perf_counter()
    result = run()
    if like.is_cuda:
        torch.cuda.synchronize(like.device)
    return result, time.perf_counter() - started


def _lack_of_room(like: Tensor) -> str | None:
    """Say what a step as always lacks beside the memory that graphs hold; None where nothing is lacking.

    Steps whose gradients are measured are taken as always all through a training, and so are new kinds of step.
    """
    needed, free = _needed_and_free(like)
    if needed <= free:
        return None
    return f"beside it a step as always would need {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are left"


def _needed_and_free(like: Tensor) -> tuple[int, int]:
    """Return the most bytes that a step has taken beside what is there now, and those that are free on its GPU."""
    if not like.is_cuda:
        return 0, 0
    torch.cuda.empty_cache()
    needed = torch.cuda.max_memory_allocated(like.device) - torch.cuda.memory_allocated(like.device)
    return needed, torch.cuda.mem_get_info(like.device)[0]


@cache
def _stream_beside(device: torch.device) -> torch.cuda.Stream:
    """Return one stream: memory is kept for each."""
    return torch.cuda.Stream(device)


@contextmanager
def _beside(like: Tensor) -> Iterator[None]:
    """Run on a stream of its own, as what is recorded does: what libraries prepare for a stream is there then."""
    if not like.is_cuda:
        yield
        return
    stream, current = _stream_beside(like.device), torch.cuda.current_stream(like.device)
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        yield
    current.wait_stream(stream)


@contextmanager
def _capturable(step: Stepping) -> Iterator[None]:
    """Let the optimisers be recorded, inside only: it would be saved with their state."""
    groups = [group for adam in step.optimisers for group in adam.param_groups]
    before = [group.get("capturable", False) for group in groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group, value in zip(groups, before, strict=True):
            group["capturable"] = value
