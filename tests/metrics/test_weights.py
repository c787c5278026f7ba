"""One component of a child set back to the parent's."""

import pytest
import torch

from stylealign.measurements.alignment_reset import resets
from stylealign.metrics.weights import with_reset
from stylealign.networks.architecture import Architecture
from stylealign.networks.components import COMPONENTS, component_of, resolution_of
from stylealign.networks.generator import Generator

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)


@pytest.mark.parametrize("component", ["nothing", *COMPONENTS])
def test_that_component_is_the_parents_and_the_rest_the_childs(component: str) -> None:
    parent, child = Generator(SMALL).eval(), Generator(SMALL).eval()
    for generator, value in ((parent, 1.0), (child, 2.0)):
        for parameter in generator.parameters():
            parameter.data.fill_(value)
    result = with_reset(child, parent, component)
    for name, parameter in result.named_parameters():
        place = component_of(name)
        assert place is not None
        assert (parameter == (1.0 if place[0] == component else 2.0)).all(), name
    assert all((parameter == 2.0).all() for parameter in child.parameters()), "the child itself is not touched"


def test_one_resolution_is_the_parents() -> None:
    parent, child = Generator(SMALL).eval(), Generator(SMALL).eval()
    for generator, value in ((parent, 1.0), (child, 2.0)):
        for parameter in generator.parameters():
            parameter.data.fill_(value)
    for name, parameter in with_reset(child, parent, resolution_px=8).named_parameters():
        assert (parameter == (1.0 if name.startswith("synthesis.b8.") else 2.0)).all(), name
    assert resolution_of("synthesis.b16.torgb.affine.weight") == 16
    assert resolution_of("mapping.fc0.weight") is None


def test_resetting_the_mapping_and_every_resolution_leads_to_the_parent() -> None:
    torch.manual_seed(0)
    parent, child = Generator(SMALL).eval(), Generator(SMALL).eval()
    child = with_reset(child, parent, "mapping")
    for resolution in SMALL.resolutions:
        child = with_reset(child, parent, resolution_px=resolution)
    assert all(torch.equal(one, other) for one, other in zip(parent.parameters(), child.parameters(), strict=True))


def test_every_part_of_a_generator_is_reset_once() -> None:
    found = resets(SMALL.resolution)
    assert list(found) == ["nothing", *COMPONENTS, "4 px", "8 px", "16 px"]
    assert [px for _, px in found.values() if px] == SMALL.resolutions


def test_resetting_everything_in_turn_leads_to_the_parent() -> None:
    torch.manual_seed(0)
    parent, child = Generator(SMALL).eval(), Generator(SMALL).eval()
    for component in COMPONENTS:
        child = with_reset(child, parent, component)
    assert all(torch.equal(one, other) for one, other in zip(parent.parameters(), child.parameters(), strict=True))
