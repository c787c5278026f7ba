"""Where a CPU's step goes: every operation has a part, and what more threads give follows from the parts."""

import re
import time

import pytest
import torch
from torch import nn

from benchmarks.card.records import Row
from benchmarks.cpu import Measured, threads_rows
from benchmarks.profiling import (
    GRAIN,
    NATIVE,
    PARTS,
    PASSES,
    REST,
    SMALL,
    call_cost_ns,
    divided,
    part_of,
    profiled,
    with_threads,
)
from stylealign.ops.bias_act import scaled_bias_act
from stylealign.ops.convolution import conv2d
from stylealign.ops.native.build import CPP_SOURCES, SOURCES, cpu_library


def test_every_operation_of_the_library_has_a_part() -> None:
    exported = {name for path in CPP_SOURCES for name in re.findall(r"void (\w+)_##NAME", path.read_text())}
    assert exported == NATIVE.keys()
    assert set(NATIVE.values()) < set(PARTS)


@pytest.mark.parametrize(
    ("name", "arguments", "size", "part"),
    [
        ("convolution", (), 1, "convolutions"),
        ("convolution_backward", (0, [True, False, False]), 1, "convolutions"),
        ("convolution_backward", (0, [True, True, False]), 1, "weight gradients"),
        ("addmm", (), 1, "products"),
        ("_fused_adam_", (), GRAIN, "Adam and averaging"),
        ("mul", (), GRAIN, PASSES),
        ("mul", (), GRAIN - 1, SMALL),
    ],
)
def test_parts_of_operations(name: str, arguments: tuple[object, ...], size: int, part: str) -> None:
    assert part_of(name, arguments, size) == part


def test_what_is_timed_forwards_and_backwards_is_less_than_the_time_it_takes() -> None:
    if cpu_library() is None:
        pytest.skip("no native operations here")
    images = torch.randn(2, 16, 64, 64).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    weight = nn.Parameter(torch.randn(16, 16, 3, 3))
    started = time.thread_time_ns()
    with profiled() as profile:
        scaled_bias_act(conv2d(images, weight, padding=1), bias=torch.zeros(16)).square().sum().backward()
    took = time.thread_time_ns() - started
    assert {"convolutions", "weight gradients", "activations", PASSES} <= profile.spent_ns.keys() <= set(PARTS)
    assert 0 < sum(profile.spent_ns.values()) < took
    assert call_cost_ns(20) >= 0


def test_what_threads_divide() -> None:
    assert [divided(8, two) for two in (4, 8, 6, 3, 9)] == [1, 0, 0.5, 1, 0]
    assert divided(0, 0) == 0
    assert with_threads({"a": 8, "b": 2}, {"a": 0.5}, 4) == 8 * (0.5 + 0.5 / 4) + 2


def test_more_threads_are_reckoned_from_one_and_two_or_at_most() -> None:
    one = Measured(1.0, 10.0, {PASSES: 8.0, REST: 2.0}, 1.0)
    two = Measured(1.0, 8.0, {PASSES: 6.0, REST: 2.0}, 1.0)

    def seconds(rows: list[Row]) -> dict[str, float]:
        return {row.form: 16 / row.images_per_s for row in rows if row.images_per_s}

    both = seconds(list(threads_rows("default", "V", 16, {1: one, 2: two})))
    assert both == pytest.approx({"V, 4 threads": 4 + 4 / 4 + 2, "V, 8 threads": 4 + 4 / 8 + 2})
    most = seconds(list(threads_rows("default", "V", 16, {1: one})))
    assert most == pytest.approx({"V, 2 threads": 4 + 2, "V, 4 threads": 2 + 2, "V, 8 threads": 1 + 2})


def test_no_vector_is_wider_than_the_registers() -> None:
    """A compiler compares a wider one number by number: activations took ten times as long with AVX2."""
    declared = {path.name: re.findall(r"vector_size\((.*?)\)", path.read_text()) for path in SOURCES.glob("*.[ch]*")}
    assert {name: sizes for name, sizes in declared.items() if sizes} == {"vectors.h": ["VECTOR_BYTES"]}
