"""The ways to carry labels from a parent's images to a child's."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from stylealign.applications.blending import blend
from stylealign.applications.labels.methods import (
    BOUNDS,
    DEFAULT_METHODS,
    METHODS,
    STUDENT,
    method_names,
    method_of,
    zero_shot_methods,
)
from stylealign.applications.labels.networks import Labeller, LabelNetwork
from stylealign.applications.labels.tasks import task_of, transferred
from stylealign.applications.labels.transfers.read_out import fitted, read
from stylealign.applications.labels.transfers.source import Source, TrainingSet, labels_of
from stylealign.config import BlendSettings, LabelSettings
from stylealign.datasets import large_arrays
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.streams import torch_stream
from tests.applications.test_label_networks import spec_of
from tests.datasets.test_large_arrays import is_in_file

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
SETTINGS = LabelSettings(epochs=2, images=8, batch_size=4)


def generator(seed: int, architecture: Architecture = SMALL) -> Generator:
    torch.manual_seed(seed)
    return Generator(architecture).eval().requires_grad_(False)


def labeller(task: str, seed: int = 7) -> LabelNetwork:
    torch.manual_seed(seed)
    return LabelNetwork(spec_of(task, 16)).eval().requires_grad_(False)


def source(task: str = "pose", count: int = 8, psi: float = 1.0, **others: object) -> Source:
    return Source(generator(0), generator(1), labeller(task), count, psi, 3, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", transferred())
def test_labels_are_the_parents_and_images_the_childs(task: str) -> None:
    own = source(task, count=5, psi=0.7)
    found = method_of(STUDENT).functions.training_set(own, SETTINGS)
    z = torch.randn(5, 6, generator=torch_stream("samples", 3))
    parent, child = (((each(z, truncation_psi=0.7) + 1) * 127.5) for each in (own.parent, own.child))
    seen, drawn = (image.clamp(0, 255).round().to(torch.uint8).numpy() for image in (parent, child))
    assert found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.images, drawn)
    for name, value in labels_of(own.labeller, seen).items():
        torch.testing.assert_close(found.labels[name], value)


def test_repeatable_in_whatever_number() -> None:
    seen: list[int] = []
    images = source(count=70, note=seen.append).child_images
    np.testing.assert_array_equal(images, source(count=70).child_images)
    assert seen == [64, 6]
    assert len(np.unique(images.reshape(70, -1), axis=0)) == 70


def test_conditional_models_draw_labels() -> None:
    conditional = SMALL.model_copy(update={"c_dim": 3})
    own = Source(generator(0, conditional), generator(1, conditional), labeller("pose"), 4, 1.0, 0)
    assert own.child_images.shape == (4, 3, 16, 16)


def test_shuffled_labels_are_those_of_other_latents() -> None:
    own = source(count=5)
    found = method_of("shuffled").functions.training_set(own, SETTINGS)
    np.testing.assert_array_equal(found.images, own.child_images)
    torch.testing.assert_close(found.labels["pose"], own.parent_labels["pose"][[1, 2, 3, 4, 0]])
    assert (found.labels["pose"] != own.parent_labels["pose"]).any(dim=1).all()


def test_a_generators_cost_is_told_by_its_own_domains_labels() -> None:
    own = source(oracle=labeller("pose", seed=8))
    found = method_of("oracle-on-generated").functions.training_set(own, SETTINGS)
    torch.testing.assert_close(found.labels["pose"], labels_of(own.oracle, own.child_images)["pose"])


def test_swapped_layers_draw_between_the_two() -> None:
    own = source()
    found = method_of("layer-swap").functions.training_set(own, SETTINGS)
    np.testing.assert_array_equal(found.images, own.drawn(blend(own.parent, own.child, BlendSettings(swap_px=8))))
    assert found.start is own.labeller
    assert (found.images != own.child_images).any()
    assert found.labels is own.parent_labels


@pytest.mark.parametrize("task", transferred())
def test_filtered_labels_are_those_that_the_labeller_sees_in_both_images(task: str) -> None:
    own = source(task)
    found = method_of("filtered").functions.training_set(own, SETTINGS)
    assert found.start is own.labeller
    labels = {name: value for name, value in found.labels.items() if name != "kept"}
    module = task_of(task).functions
    assert module.kept(labels, labels).all(), "with itself everything agrees"
    torch.testing.assert_close(found.labels["kept"], module.kept(labels, labels_of(own.labeller, own.child_images)))
    same = Source(own.parent, own.parent, own.labeller, 8, 1.0, 3)
    assert method_of("filtered").functions.training_set(same, SETTINGS).labels["kept"].all()


def test_a_network_goes_half_of_the_way_back_to_the_labeller() -> None:
    own = source()
    sets = {name: method_of(name).functions.training_set(own, SETTINGS) for name in ("filtered", "half-way")}
    for name, value in sets["filtered"].labels.items():
        assert torch.equal(value, sets["half-way"].labels[name])
    trained = {name: labeller("pose", seed=8) for name in sets}
    for name, network in trained.items():
        sets[name].finish(network)
    for name, value in labeller("pose", seed=8).state_dict().items():
        assert torch.equal(trained["filtered"].state_dict()[name], value)
        before = own.labeller.state_dict()[name]
        if value.is_floating_point():
            torch.testing.assert_close(trained["half-way"].state_dict()[name], (value + before) / 2)
        else:
            assert torch.equal(trained["half-way"].state_dict()[name], value)
    torch.testing.assert_close(labeller("pose").state_dict(), own.labeller.state_dict(), rtol=0, atol=0)


def test_there_is_no_way_back_to_a_labeller_of_another_kind() -> None:
    found = method_of("half-way").functions.training_set(source(), SETTINGS)
    for start in (None, LabelNetwork(replace(found.start.spec, network="unet/resnet18"))):
        network = labeller("pose", seed=8)
        replace(found, start=start).finish(network)
        torch.testing.assert_close(network.state_dict(), labeller("pose", seed=8).state_dict(), rtol=0, atol=0)


def test_a_training_that_goes_on_moves_slowly() -> None:
    own = source()
    found = {name: method_of(name).functions.training_set(own, SETTINGS).settings(SETTINGS) for name in DEFAULT_METHODS}
    assert found[STUDENT] == SETTINGS
    assert found["filtered"].learning_rate < SETTINGS.learning_rate
    assert found["filtered"].epochs < SETTINGS.epochs


class OfALibrary(Labeller):
    """A label network of this project that is not the small one."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(spec_of("pose", 16), network="unet/resnet18")
        self.numbers = torch.nn.Linear(3, self.spec.numbers)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"numbers": self.numbers(images.mean(dim=(2, 3)))}


@pytest.mark.parametrize("method", ["filtered", "half-way", "averaged", "layer-swap"])
def test_a_training_goes_on_from_a_network_of_a_library_too(method: str) -> None:
    own = Source(generator(0), generator(1), OfALibrary().requires_grad_(False), 8, 1.0, 3)
    assert method_of(method).functions.training_set(own, SETTINGS).start is own.labeller


def test_a_network_of_another_kind_than_the_labeller_has_all_of_the_training() -> None:
    found = TrainingSet(np.zeros((1, 3, 16, 16), np.uint8), {}, start=labeller("pose"))
    other = SETTINGS.model_copy(update={"network": "unet/resnet18"})
    assert found.settings(other) == other
    assert found.settings(SETTINGS) != SETTINGS


@pytest.mark.parametrize("task", transferred())
def test_averaged_labels_lie_half_way(task: str) -> None:
    own = source(task)
    found = method_of("averaged").functions.training_set(own, SETTINGS)
    seen = labels_of(own.labeller, own.child_images)
    assert found.start is own.labeller
    for name, value in own.parent_labels.items():
        mean = value.float() if name == "visible" else (value.float() + seen[name].float()) / 2
        torch.testing.assert_close(
            found.labels[name].float(), mean, atol=0.5 if task == "segmentation" else 1e-6, rtol=0
        )


@pytest.mark.parametrize("task", transferred())
def test_what_is_not_kept_teaches_nothing(task: str) -> None:
    """The loss is that of the labels kept alone: whatever the others are, it and its gradient stay."""
    own = source(task)
    module, labels = task_of(task).functions, own.parent_labels
    kept = torch.rand(8, *own_shape(task), generator=torch.Generator().manual_seed(0)) < 0.5
    other = {name: value.flip(1) if task == "segmentation" else value.roll(1, 0) for name, value in labels.items()}
    masks = dict.fromkeys(labels, kept[:, None] if task == "segmentation" else kept)
    if task == "attributes":
        masks = {name: kept[:, [place]] for place, name in enumerate(labels)}
    mixed = {
        name: torch.where(masks[name][..., None] if value.ndim > masks[name].ndim else masks[name], value, other[name])
        for name, value in labels.items()
    }
    outputs = own.labeller(torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1)
    value = module.loss(outputs, {**labels, "kept": kept})
    torch.testing.assert_close(value, module.loss(outputs, {**mixed, "kept": kept}))
    assert value != module.loss(outputs, labels)


@pytest.mark.parametrize("task", transferred())
def test_what_is_kept_is_mirrored_with_its_labels(task: str) -> None:
    own = source(task)
    module, spec = task_of(task).functions, own.labeller.spec
    labels = {**own.parent_labels, "kept": torch.rand(8, *own_shape(task)) < 0.5}
    every = torch.ones(8, dtype=torch.bool)
    once = module.mirrored(labels, every, spec)
    twice = module.mirrored(once, every, spec)
    for name, value in labels.items():
        torch.testing.assert_close(twice[name], value)
    if task in ("segmentation", "keypoints"):
        assert (once["kept"] != labels["kept"]).any()


def own_shape(task: str) -> tuple[int, ...]:
    return {"segmentation": (16, 16), "keypoints": (5,), "pose": (4,), "attributes": (2,)}[task]


@pytest.mark.parametrize("task", ["segmentation", "keypoints"])
def test_labels_that_lie_in_files_are_those_in_memory(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, for every way, with parts that are no whole number of batches."""
    oracle = labeller(task, seed=8)

    def made() -> dict[str, TrainingSet]:
        own = source(task, count=7, oracle=oracle)
        return {method.name: method.functions.training_set(own, SETTINGS) for method in METHODS}

    whole = made()
    monkeypatch.setattr(large_arrays, "LARGE_BYTES", 1)
    monkeypatch.setattr(large_arrays, "PART_BYTES", 3 * whole[STUDENT].images[0].nbytes)
    for name, found in made().items():
        np.testing.assert_array_equal(found.images, whole[name].images)
        assert is_in_file(found.images)
        assert found.labels.keys() == whole[name].labels.keys()
        for kind, value in found.labels.items():
            assert value.dtype == whole[name].labels[kind].dtype
            np.testing.assert_array_equal(value.numpy(), whole[name].labels[kind].numpy())


def test_students_along_the_weights_end_at_the_child() -> None:
    own = source(count=8)
    before = copy.deepcopy(own.labeller.state_dict())
    found = method_of("along-weights").functions.training_set(own, SETTINGS)
    np.testing.assert_array_equal(found.images, own.child_images)
    assert found.start is not None
    assert found.start is not own.labeller
    assert all(torch.equal(value, before[name]) for name, value in own.labeller.state_dict().items())
    assert (found.labels["pose"] != own.parent_labels["pose"]).any()


@pytest.mark.parametrize("task", transferred())
def test_read_out_labels_have_the_form_of_the_labellers(task: str) -> None:
    own = source(task)
    found = method_of("read-out").functions.training_set(own, SETTINGS)
    assert found.images is own.child_images
    for name, value in own.parent_labels.items():
        assert (found.labels[name].shape, found.labels[name].dtype) == (value.shape, value.dtype)


def test_a_read_outs_learning_rate_ends_at_zero_whatever_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """70 latents come in parts of 64 and 6: with 48 images a step that is three steps, not two."""
    made: list[torch.optim.lr_scheduler.CosineAnnealingLR] = []

    class Noted(torch.optim.lr_scheduler.CosineAnnealingLR):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(torch.optim.lr_scheduler, "CosineAnnealingLR", Noted)
    fitted(source(count=70), LabelSettings(epochs=2, images=70, batch_size=48))
    assert made[0].last_epoch == 6
    assert made[0].get_last_lr()[0] == pytest.approx(0.0, abs=1e-9)


def test_a_read_out_learns_what_is_said_of_the_parents_images() -> None:
    """What is said: whether a pixel is red. The activations know it, and chance is right in half of the pixels."""
    own = source("segmentation", count=64)
    reds = own.drawn(own.parent)[:, 0]
    red = torch.from_numpy(reds > np.median(reds))
    classes = len(own.labeller.spec.names)
    probabilities = torch.zeros(64, classes, 16, 16, dtype=torch.uint8)
    probabilities[:, 0], probabilities[:, 1] = 255 * ~red, 255 * red
    own.__dict__["parent_labels"] = {"probabilities": probabilities}
    decoder = fitted(own, LabelSettings(epochs=10, images=64, batch_size=16))
    found = read(decoder, own, own.parent)["probabilities"].argmax(dim=1)
    assert (found == red).float().mean() > 0.8


def test_the_ways_are_named_once() -> None:
    assert len(set(method_names())) == len({method.row for method in METHODS}) == len(METHODS)
    assert set(DEFAULT_METHODS) <= set(zero_shot_methods())
    assert not set(BOUNDS) & set(zero_shot_methods())
    for method in METHODS:
        assert callable(method.functions.training_set)
