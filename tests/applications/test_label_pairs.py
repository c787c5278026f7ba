"""Pairs of parent labels and child images of the same latents."""

import numpy as np
import pytest
import torch

from stylealign.applications.labels.networks import LabelNetwork
from stylealign.applications.labels.pairs import pseudo_labelled
from stylealign.applications.labels.tasks import task_of, transferred
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from tests.applications.test_label_networks import spec_of_names

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)


def generator(seed: int, architecture: Architecture = SMALL) -> Generator:
    torch.manual_seed(seed)
    return Generator(architecture).eval().requires_grad_(False)


def labeller(task: str) -> LabelNetwork:
    torch.manual_seed(7)
    return LabelNetwork(spec_of_names(task, 16)).eval().requires_grad_(False)


@pytest.mark.parametrize("task", transferred())
def test_labels_are_the_parents_and_images_the_childs(task: str) -> None:
    parent, child, network = generator(0), generator(1), labeller(task)
    images, labels = pseudo_labelled(parent, child, network, count=5, truncation_psi=0.7, seed=3)
    z = torch.randn(5, 6, generator=torch.Generator().manual_seed(3))
    expected = task_of(task).functions.pseudo(network(parent(z, truncation_psi=0.7).clamp(-1, 1)), network.spec)
    drawn = ((child(z, truncation_psi=0.7) + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, drawn.numpy())
    for name, value in labels.items():
        torch.testing.assert_close(value, expected[name])


def test_repeatable_in_whatever_number() -> None:
    parent, child, network = generator(0), generator(1), labeller("pose")
    seen: list[int] = []
    images, labels = pseudo_labelled(parent, child, network, count=70, truncation_psi=1.0, seed=0, progress=seen.append)
    again, _ = pseudo_labelled(parent, child, network, count=70, truncation_psi=1.0, seed=0)
    np.testing.assert_array_equal(images, again)
    assert seen == [64, 70]
    assert len(labels["pose"]) == 70
    assert len(np.unique(images.reshape(70, -1), axis=0)) == 70


def test_conditional_models_draw_labels() -> None:
    conditional = SMALL.model_copy(update={"c_dim": 3})
    images, _ = pseudo_labelled(generator(0, conditional), generator(1, conditional), labeller("pose"), 4, 1.0, seed=0)
    assert images.shape == (4, 3, 16, 16)


def test_shuffled_labels_are_those_of_other_latents() -> None:
    parent, child, network = generator(0), generator(1), labeller("pose")
    images, labels = pseudo_labelled(parent, child, network, 5, 1.0, seed=0)
    same, other = pseudo_labelled(parent, child, network, 5, 1.0, seed=0, shuffled=True)
    np.testing.assert_array_equal(images, same)
    torch.testing.assert_close(other["pose"], labels["pose"][[1, 2, 3, 4, 0]])
    assert (other["pose"] != labels["pose"]).any(dim=1).all()
