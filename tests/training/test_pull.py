"""A child pulled back towards its parent where a measured FID allows."""

import copy

import pytest
import torch

from stylealign.networks.generator import Generator
from stylealign.training.keep.pull import between, pulled
from stylealign.training.start import new_networks
from tests.training.common import SHAPE, changed


def models() -> tuple[Generator, Generator]:
    return tuple(new_networks(SHAPE, changed(seed=seed), 16)[0] for seed in (0, 1))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (0.0, {"mapping": 1.0, "4px": 0.0, "8px": 1.0, "16px": 0.0}),
        (0.3, {"mapping": 1.0, "4px": 0.5, "8px": 1.0, "16px": 0.0}),
        (9.0, {"mapping": 1.0, "4px": 1.0, "8px": 1.0, "16px": 1.0}),
    ],
)
def test_each_place_goes_as_far_as_the_limit(tolerance: float, expected: dict[str, float]) -> None:
    child, parent = models()
    before = copy.deepcopy(child.state_dict())

    def share_of(model: Generator, name: str) -> float:
        own, start, end = (one.get_parameter(name) for one in (model, child, parent))
        return float(((own - start).norm() / (end - start).norm()).detach())

    def fid_of(model: Generator) -> float:
        """A FID of 10 that 4 px makes worse by 5, and 16 px by 50."""
        return 10 + 5 * share_of(model, "synthesis.b4.const") + 50 * share_of(model, "synthesis.b16.conv0.weight")

    result = pulled(child, parent, fid_of, tolerance, (0.5, 1.0))
    found, shares = result.generator, result.shares
    assert shares == expected
    assert result.fid == pytest.approx(fid_of(found))
    assert result.limit == pytest.approx(10 * (1 + tolerance))
    assert share_of(found, "synthesis.b4.const") == pytest.approx(expected["4px"])
    assert torch.equal(found.synthesis.b8.conv1.weight, parent.synthesis.b8.conv1.weight)
    assert torch.equal(found.mapping.w_avg, parent.mapping.w_avg)
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items()), "it stays as it is"


def test_another_generator_takes_the_same_shares() -> None:
    child, parent = models()
    before = copy.deepcopy(child.state_dict())
    found = between(child, parent, {"mapping": 1.0, "4px": 0.5, "8px": 0.0, "16px": 0.25})
    assert torch.equal(found.mapping.w_avg, parent.mapping.w_avg)
    assert torch.equal(found.synthesis.b8.conv1.weight, child.synthesis.b8.conv1.weight)
    for name, share in (("b4.const", 0.5), ("b16.conv0.weight", 0.25)):
        own, start, end = (one.get_parameter(f"synthesis.{name}") for one in (found, child, parent))
        torch.testing.assert_close(own, start + share * (end - start))
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items()), "it stays as it is"
