"""Operations and bytes, counted from the program: against closed forms."""

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from benchmarks.counting import COUNTED, Ceilings, average, count_kinds, counted, measure
from benchmarks.training import CASES, CYCLE, step_kinds
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.networks.discriminator import Discriminator
from stylealign.ops.bias_act import scaled_bias_act
from stylealign.ops.upfirdn2d import upfirdn2d
from stylealign.training.start import new_networks

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
CEILINGS = Ceilings(bytes_per_s=100.0, half_flops=1000.0, single_flops=10.0)


def test_a_convolution_counts_its_multiplications_and_every_tensor_once() -> None:
    with counted("torch", CEILINGS) as counting:
        F.conv2d(torch.zeros(2, 3, 8, 8), torch.zeros(5, 3, 3, 3), padding=1)
    counting.counts.flops.pop("passes", None)  # of making the tensors
    assert dict(counting.counts.flops) == {"convolutions": 2 * (2 * 8 * 8) * 5 * 3 * 9}
    assert counting.counts.bytes["convolutions"] == 4 * (2 * 3 * 64 + 5 * 27 + 2 * 5 * 64)
    assert counting.counts.roof_s["convolutions"] == pytest.approx(2 * 2 * 64 * 5 * 27 / 10.0)


def test_a_write_in_place_and_a_copy_count_what_they_touch() -> None:
    with counted("torch", CEILINGS) as counting:
        a, b = torch.empty(10), torch.empty(10)
        a.add_(b)
        assert counting.counts.bytes["passes"] == 4 * 30
        a.copy_(b)
        assert counting.counts.bytes["passes"] == 4 * 50
        a[:5].view(5, 1)
    assert counting.counts.bytes["passes"] == 4 * 50
    assert counting.counts.roof_s["passes"] == pytest.approx(4 * 50 / 100.0)


def test_a_kernel_reads_and_writes_once_where_pytorch_makes_passes() -> None:
    moved = {}
    for form in ("torch", "kernels"):
        with counted(form) as counting:
            values = torch.empty(2, 4, 8, 8).contiguous(memory_format=torch.channels_last)
            values, counting.counts = values, type(counting.counts)()
            scaled_bias_act(values, torch.empty(2, 4), torch.empty(4), torch.empty(2, 1, 8, 8), 256.0)
        moved[form] = counting.counts.total("bytes")
    assert moved["kernels"] == 4 * (2 * 2 * 4 * 64 + 8 + 4 + 2 * 64)
    assert moved["torch"] > 3 * moved["kernels"]


def test_a_discriminator_pass_is_the_sum_of_its_layers() -> None:
    """Multiplications of D at 16 px and 8 channels, written out: fromrgb, two blocks, the layers at 4 px."""
    resolution, shape, changes = CASES["tiny"]
    architecture = new_networks(ArchitectureSettings(**shape), TrainSettings(**changes), resolution)[0].architecture
    with counted("kernels") as counting:
        discriminator, images = Discriminator(architecture), torch.zeros(4, 3, 16, 16)
        counting.counts = type(counting.counts)()
        with torch.no_grad():
            discriminator(images)
    c = 8
    blocks = sum(9 * c * c * r * r + (9 + 1) * c * c * (r // 2) ** 2 for r in (16, 8))
    expected = 2 * 4 * (3 * c * 256 + blocks + 9 * (c + 1) * c * 16 + 16 * c * c + c)
    assert counting.counts.total("flops") == expected


def test_regularisers_count_as_often_as_they_happen() -> None:
    resolution, shape, changes = CASES["mini"]
    settings = TrainSettings(**changes)
    kinds = count_kinds(settings, ArchitectureSettings(**shape), resolution, "kernels")
    assert kinds.keys() == step_kinds(settings).keys()
    assert min(kinds, key=lambda index: kinds[index].total("flops")) == 1
    assert max(kinds, key=lambda index: kinds[index].total("flops")) == 0
    expected = sum(kinds[index].total("flops") * count for index, count in step_kinds(settings).items()) / CYCLE
    assert average(kinds, settings).total("flops") == pytest.approx(expected)


def test_what_is_counted_leaves_nothing_behind() -> None:
    """What the program keeps from step to step (its filter) is not that of another count, nor real tensors'."""
    images = torch.ones(1, 1, 4, 4)
    assert measure("mini") == measure("mini")
    assert upfirdn2d(images, padding=(2, 1, 2, 1))[0, 0, 2, 2] == pytest.approx(1.0)


def test_everything_that_is_offered_can_be_counted() -> None:
    assert "default" in COUNTED
    assert not {"default-ada", "tiny-ada", "default-both", "default-projected"} & set(COUNTED)


def documented(preset: str) -> dict[str, list[str]]:
    """Return the cells of a preset in the table "Counted" of docs/performance.md behind its form, by form."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text().splitlines()
        if line[:1] == "|"
    ]
    first = next(i for i, row in enumerate(rows) if row[0].startswith(f"`{preset}`") and row[2] == "PyTorch")
    return {form: rows[first + at][3:] for at, form in enumerate(("torch", "kernels"))}


def test_the_documentation_has_what_is_counted() -> None:
    """Of one preset: the others take as long again each."""
    found = measure("paper256")
    for form, cells in documented("paper256").items():
        flop, moved, operations, *seconds = [float(cell.replace(",", "") or 0) for cell in cells]
        assert operations == found[f"{form}_operations"]
        assert flop == found[f"{form}_gflop_per_image"]
        assert moved == found[f"{form}_mb_per_image"]
        assert len(seconds) == 4
        for shown, kind in zip(seconds, ("", "convolutions_", "kernels_", "passes_"), strict=True):
            counted_s = float(str(found.get(f"{form}_{kind}roof_s_per_kimg", 0)))
            assert shown == pytest.approx(counted_s, abs=0.0051), (form, kind)
    (convolutions,) = re.findall(r"\*\*Convolutions\*\* move (\d+) MB an image", DOCUMENT.read_text())
    assert float(convolutions) == found["kernels_convolutions_mb_per_image"]
