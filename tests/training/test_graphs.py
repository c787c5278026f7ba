"""Steps as graphs, with a recording of operations in place of CUDA's: what is recorded gives the same training."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import pytest
import torch

from benchmarks.card.recording import OperationRecording
from stylealign.config import KeepSettings, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.training import graphs
from stylealign.training.draws import Draws
from stylealign.training.graphs import Graphs, Kind, reason_against, wanted_graphs
from stylealign.training.inputs import copied, copy_into, tensors_of
from stylealign.training.loop import seed_step
from stylealign.training.recordable import RecordableStep
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep
from tests.training.common import SHAPE, Squares

STEPS = 9
SETTINGS = {"batch_size": 4, "r1_interval": 3, "path_length_interval": 2, "ada_interval": 4, "mbstd_group_size": 4}


@pytest.fixture(autouse=True)
def _pytorch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native operations of the CPU are no operations that a recording would see."""
    monkeypatch.setattr("stylealign.ops.native.functions.cpu_library", lambda: None)


def training(
    record: Any = None, p: float = 0.0, must_be_faster: bool = False, **changes: Any
) -> tuple[TrainingStep, list[str]]:
    """Return a step, with recordings in place of steps if `record`, and what is said of them."""
    settings = TrainSettings.model_validate(SETTINGS | changes)
    step = TrainingStep(*new_networks(SHAPE, settings, 16), settings)
    told: list[str] = []
    if step.ada is not None:
        step.ada.p = p
    if record is not None:
        step.graphs = Graphs(RecordableStep(step), record, told.append, must_be_faster)
    return step, told


def run(step: TrainingStep, steps: int = STEPS) -> list[dict[str, torch.Tensor]]:
    """Train; return the scalars of every step."""
    found = []
    for index in range(steps):
        seed_step(0, index)
        real = Squares().batch(index, 4, 0, False).float() / 127.5 - 1
        found.append(step.step(index, real))
    return found


def state_of(step: TrainingStep) -> dict[str, torch.Tensor]:
    networks = {"G": step.generator, "G_ema": step.average, "D": step.discriminator}
    weights = {f"{n}.{key}": v for n, network in networks.items() for key, v in network.state_dict().items()}
    return weights | {"mean_path_length": step.mean_path_length}


HELD = {name: {"weight": 1} for name in ("rgb", "similarity", "distances", "layout")} | {
    "features": {"weight": 8},
    "weights": {"weight": 1e-3, "discriminator_weight": 1e-3},
    "rates": [{"network": "G", "to_px": 4, "rate": 0.1}, {"network": "D", "from_px": 16, "rate": 0}],
}


@pytest.mark.parametrize(
    "changes", [{}, {"augment": "bgc", "p": 0.5, "ada_interval": 1, "ada_kimg": 0.1}, {"keep": HELD}]
)
def test_recorded_steps_train_to_the_same_bits(changes: dict[str, Any]) -> None:
    always, _ = training(**changes)
    recorded, told = training(OperationRecording, **changes)
    for wanted, found in zip(run(always), run(recorded), strict=True):
        assert wanted.keys() == found.keys()
        assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    for (name, wanted_value), value in zip(state_of(always).items(), state_of(recorded).values(), strict=True):
        assert torch.equal(wanted_value, value), name
    assert len(told) == 3  # of the four kinds one comes once in nine steps, and is not recorded
    assert all("CUDA graph" in line and "off by 0.0e+00" in line for line in told), told


def test_steps_are_repeated_and_not_computed() -> None:
    step, told = training(OperationRecording, r1_gamma=0.0, path_length_weight=0.0)
    run(step, 2)
    assert len(told) == 1
    calls = []
    step.move = lambda *arguments: calls.append(arguments)  # type: ignore[assignment, method-assign, misc]
    run(step, 4)
    assert calls == []


def test_a_recording_that_comes_to_other_weights_is_dropped() -> None:
    class Wrong(OperationRecording):
        def replay(self) -> None:
            """Do nothing."""

    always, _ = training()
    recorded, told = training(Wrong)
    run(always, 6)
    run(recorded, 6)
    assert told
    assert all("no graph: " in line and " off by 1.0e+00 of the step" in line for line in told), told
    for wanted, value in zip(state_of(always).values(), state_of(recorded).values(), strict=True):
        assert torch.equal(wanted, value)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_recording_that_moves_one_network_too_little_is_dropped(name: str) -> None:
    network: Any = None

    class Weak(OperationRecording):
        @torch.no_grad()
        def replay(self) -> None:
            """Move the weights of one network by 95 % of what the step moves them."""
            before = [one.clone() for one in network.parameters()]
            super().replay()
            for one, old in zip(network.parameters(), before, strict=True):
                one.lerp_(old, 0.05)

    step, told = training(Weak, r1_gamma=0.0, path_length_weight=0.0)
    network = getattr(step, name)
    run(step, 2)
    (line,) = told
    assert f"no graph: {'G' if name == 'generator' else 'D'} weights off by 5.0e-02 of the step" in line


def test_what_cannot_be_recorded_is_computed_as_always() -> None:
    def refuse(run_step: Any) -> Any:
        run_step()
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    always, _ = training()
    recorded, told = training(refuse)
    run(always, 6)
    run(recorded, 6)
    assert told[1] == "stylealign train: step: no graph: operation not permitted when stream is capturing more"
    for wanted, value in zip(state_of(always).values(), state_of(recorded).values(), strict=True):
        assert torch.equal(wanted, value)
    assert not any(group["capturable"] for adam in (recorded.generator_adam,) for group in adam.param_groups)


class Memory:
    """CUDA's part of a recording, as PyTorch has it: the memory of graphs that are all gone takes no other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.users: dict[int, int] = {}
        self.current, self.fails = "always", False
        memory = self

        class Graph:
            own: int | None = None

            def pool(self) -> int | None:
                return self.own

            def replay(self) -> None:
                """Do nothing."""

            def __del__(self) -> None:
                if self.own is not None:
                    memory.users[self.own] -= 1

        @contextmanager
        def stream(chosen: str) -> Iterator[None]:
            before, memory.current = memory.current, chosen
            try:
                yield
            finally:
                memory.current = before

        @contextmanager
        def recorded(graph: Graph, pool: int | None = None) -> Iterator[None]:
            own = len(memory.users) if pool is None else pool
            assert memory.users.get(own) != 0, "INTERNAL ASSERT FAILED: use_count > 0"
            memory.users[own] = memory.users.get(own, 0) + 1
            before, memory.current = memory.current, "of the recording"
            yield
            if memory.fails:
                raise RuntimeError("operation failed due to a previous error during capture")
            memory.current, graph.own = before, own

        for name, value in {
            "CUDAGraph": Graph,
            "graph": recorded,
            "stream": stream,
            "current_stream": lambda: memory.current,
            "get_rng_state": lambda: None,
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)
        monkeypatch.setattr(graphs, "_renew_random_numbers", lambda state: None)
        monkeypatch.setattr(graphs, "_living", WeakSet())  # on a card there may be some


def test_recordings_share_the_memory_of_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was refused, or a training that is over, has taken its memory along."""
    memory = Memory(monkeypatch)
    first = graphs.CudaRecording(dict)
    del first
    second, third = graphs.CudaRecording(dict), graphs.CudaRecording(dict)
    assert second.graph.pool() == third.graph.pool()
    assert memory.users == {0: 0, 1: 2}


def test_a_recording_that_fails_leaves_the_stream_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(monkeypatch)
    memory.fails = True
    with pytest.raises(RuntimeError, match="previous error"):
        graphs.CudaRecording(dict)
    assert memory.current == "always"
    memory.fails = False
    assert graphs.CudaRecording(dict).graph.pool() == 1, "a failed one's memory is left alone"


def test_memory_in_which_a_recording_has_failed_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch refuses it: "already recording to mempool_id". Graphs that were in it stay there."""
    memory = Memory(monkeypatch)
    first = graphs.CudaRecording(dict)
    memory.fails = True
    with pytest.raises(RuntimeError, match="previous error"):
        graphs.CudaRecording(dict)
    memory.fails = False
    second, third = graphs.CudaRecording(dict), graphs.CudaRecording(dict)
    assert [one.graph.pool() for one in (first, second, third)] == [0, 1, 1]


@pytest.mark.parametrize(("graph", "told_of_it"), [(0.08, "CUDA graph: "), (0.1, "no graph: mean_path_length off by ")])
def test_what_differs_by_chance_is_judged_by_more_than_one_pair_of_steps(
    graph: float, told_of_it: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single number's difference of two steps is near 0 now and then, and says nothing of how far steps differ."""
    step, told = training(OperationRecording, r1_gamma=0.0, path_length_weight=0.0)
    apart = iter([0.001, 0.03, 0.02, graph])  # of three steps as always, then of the graph
    found = graphs._differences
    monkeypatch.setattr(graphs, "_differences", lambda *states: found(*states) | {"mean_path_length": next(apart)})
    run(step, 2)
    (line,) = told
    assert told_of_it in line


def test_a_recording_is_as_fast_as_the_fastest_step_as_always(monkeypatch: pytest.MonkeyPatch) -> None:
    step, told = training(OperationRecording, r1_gamma=0.0, path_length_weight=0.0, must_be_faster=True)
    took_s = iter([0.010, 0.002, 0.009, 0.003])  # of three steps as always, then of the graph
    monkeypatch.setattr(graphs, "_timed", lambda taken, like: (taken(), next(took_s)))
    run(step, 2)
    (line,) = told
    assert line.endswith("no graph: 3.0 ms against 2.0 ms")


def test_a_recording_that_leaves_no_room_for_a_step_as_always_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 80 GiB, a step of 39 has 40 in its graph and as many again where it is measured."""
    gone: list[int] = []

    class Large(OperationRecording):
        def __del__(self) -> None:
            gone.append(1)

    monkeypatch.setattr(graphs, "_needed_and_free", lambda like: (39 * 2**30, 38 * 2**30))
    always, _ = training()
    recorded, told = training(Large)
    run(always, 6)
    run(recorded, 6)
    assert told[0].endswith(": no graph: beside it a step as always would need 39.0 GiB, 38.0 are left")
    assert len(gone) == len(told) == 2
    for wanted, value in zip(state_of(always).values(), state_of(recorded).values(), strict=True):
        assert torch.equal(wanted, value)


@pytest.mark.parametrize("value", ["yes", "true", "2", "cuda"])
def test_a_word_that_says_nothing_of_graphs_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(graphs.VARIABLE, value)
    with pytest.raises(StyleAlignError, match=f"^STYLEALIGN_GRAPHS={value}: 1 records .*unset it$"):
        wanted_graphs(None)


def test_the_cause_of_a_recording_that_ends_with_an_error_is_told() -> None:
    def refuse(run_step: Any) -> Any:
        try:
            raise RuntimeError("a copy from\nthe CPU")
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    step, told = training(refuse, r1_gamma=0.0, path_length_weight=0.0)
    run(step, 2)
    previous = "operation failed due to a previous error during capture"
    assert told == [f"stylealign train: step: no graph: {previous} (first: a copy from the CPU)"]


def test_inputs_of_another_shape_are_refused() -> None:
    first, second = (Draws(torch.zeros(n, 2), None, None, {"a": torch.ones(n, 1)}) for n in (2, 3))
    own = copied([first])
    copy_into(own, [Draws(torch.ones(2, 2), None, None, {"a": torch.full((2, 1), 5.0)})])
    assert [float(tensor.sum()) for tensor in tensors_of(own)] == [4.0, 10.0]
    assert float(first.z.sum()) == 0.0
    with pytest.raises(ValueError, match="shapes"):
        copy_into(own, [second])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((KeepSettings(), 0.0, 1, True), None),
        ((KeepSettings(), 0.0, 1, False), "there is no GPU"),
        ((KeepSettings.model_validate({"rgb": {"weight": 1}}), 0.0, 1, True), None),
        ((KeepSettings.model_validate({"rgb": {"weight": 1, "fade_in_kimg": 2}}), 0.0, 1, True), "what keeps a child"),
        (
            (KeepSettings.model_validate({"weights": {"discriminator_weight": 1, "fade_out_kimg": 2}}), 0.0, 1, True),
            "what keeps a child",
        ),
        ((KeepSettings.model_validate({"rgb": {"weight": 0, "fade_in_kimg": 2}}), 0.0, 1, True), None),
        ((KeepSettings.model_validate({"patches": {"weight": 1}}), 0.0, 1, True), "keep.patches"),
        ((KeepSettings(), 1.0, 1, True), "the blur"),
        ((KeepSettings(), 0.0, 2, True), "a batch is computed in parts"),
    ],
)
def test_graphs_are_off_with_a_reason(
    arguments: Any, reason: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = reason_against(*arguments)
    assert found is None if reason is None else (found or "").startswith(reason)
    monkeypatch.delenv(graphs.VARIABLE, raising=False)
    assert not wanted_graphs(found)
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(os.environ, graphs.VARIABLE, "1")
    assert wanted_graphs(found) == (reason is None)
    assert (reason or "") in capsys.readouterr().err


def test_a_kind_is_said_in_words() -> None:
    assert Kind(True, False, True).words() == "step + path lengths + augmentation"
