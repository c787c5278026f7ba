"""What runs again when a key, a name or the order of models changes: read from a run without its work."""

import os
from pathlib import Path

import pytest

from tests.workflow.pretending import PretendedRun
from tests.workflow.test_own_domain import draw_photos

pytestmark = pytest.mark.workflow

CONFIG = """
domains:
  human: {draw: human, train_images: 64, test_images: 16, val_images: 8}
  animal: {draw: critters, train_images: 64, test_images: 16, val_images: 8}
  ink: {draw: ink, train_images: 64, test_images: 16, val_images: 8}
  mine: {path: photos}
models:
  human: {domain: human, architecture: {}}
  other: {domain: human, architecture: {}, train: {seed: 1}}
  third: {domain: human, architecture: {}, train: {seed: 2}}
  animal: {domain: animal, parent: human}
  first: {domain: animal, parent: other, control_of: animal}
  second: {domain: animal, parent: third, control_of: animal}
  ink: {domain: ink, parent: human}
  mine: {domain: mine, parent: human, measured: [zero_shot]}
train: {kimg: 0.064, batch_size: 8, threads: 1}
inversion: {images: 4, steps: 3}
inversion_spaces: [w+]
"""
LABELLER = "results/metrics/zero_shot/labeller/segmentation/human.json"
LABELS = [*(f"results/metrics/zero_shot/{task}/animal.json" for task in ("segmentation", "pose")), LABELLER]
RESET, GENERATORS = "results/metrics/alignment_reset/animal.json", "results/metrics/generators/animal/animal.json"
DISTANCES = "results/metrics/distances/human.json"
OF_CONTROLS = [
    "results/metrics/translation/animal.json",
    "results/metrics/zero_shot/segmentation/animal.json",
    "results/figures/aligned-human.png",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> PretendedRun:
    """A run whose jobs wrote names alone."""
    folder = tmp_path_factory.mktemp("pretended")
    draw_photos(folder / "photos", 24)
    return PretendedRun(folder, CONFIG, [DISTANCES, RESET, GENERATORS, *LABELS, *OF_CONTROLS])


def test_nothing_runs_again_where_nothing_changed(run: PretendedRun) -> None:
    assert run.again(CONFIG) == set()


def test_distances_follow_the_names_of_children(run: PretendedRun) -> None:
    renamed = CONFIG.replace("  ink: {domain: ink, parent", "  pen: {domain: ink, parent")
    assert run.again(renamed, DISTANCES) == {"distances human"}
    swapped = CONFIG.replace("{domain: animal,", "{domain: DRAWN,").replace("{domain: ink,", "{domain: animal,")
    assert run.again(swapped.replace("{domain: DRAWN,", "{domain: ink,"), DISTANCES) == {"distances human"}


def test_tables_and_figures_follow_the_order_of_controls(run: PretendedRun) -> None:
    """The first control is called `unaligned`, each further one by its name."""
    lines = CONFIG.splitlines()
    first, second = (
        next(i for i, line in enumerate(lines) if line.startswith(f"  {name}:")) for name in ("first", "second")
    )
    lines[first], lines[second] = lines[second], lines[first]
    again = run.again("\n".join(lines), *OF_CONTROLS)
    assert again == {"translation animal", "zero_shot segmentation animal", "figure_aligned human"}


def test_shared_classes_are_of_segmentations_and_latents_of_children(run: PretendedRun) -> None:
    classes = f"{CONFIG}labels: {{classes: {{eyewear: eyes}}}}\n"
    of_segmentations = {"zero_shot segmentation animal", "zero_shot_labeller segmentation human"}
    assert run.again(classes, *LABELS) == of_segmentations
    latents = run.again(f"{CONFIG}metrics: {{pairs: 500}}\n", *LABELS)
    assert latents == {"zero_shot segmentation animal", "zero_shot pose animal"}


def test_what_is_measured_against_training_images_does_not_follow_test_images(run: PretendedRun) -> None:
    more = CONFIG.replace("critters, train_images: 64, test_images: 16", "critters, train_images: 64, test_images: 17")
    assert run.again(more, RESET) == set()
    again = {"draw_held_out animal test", "features animal test", "generators animal animal"}
    assert run.again(more, GENERATORS) == again, "its share of the way is measured against test images"


OWN = """
domains:
  mine: {path: photos, test_images: 4}
  yours: {path: photos, test_images: 4}
models:
  mine: {domain: mine, architecture: {}}
  found: {domain: mine, fetch: human-64-a}
  yours: {domain: yours, parent: mine, measured: [alignment_weights]}
  ours: {domain: yours, parent: mine, measured: [alignment_weights]}
train: {kimg: 0.064, batch_size: 8, threads: 1}
inversion: {images: 4, steps: 3}
inversion_spaces: [w+]
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> PretendedRun:
    """A whole run of pictures without labels, of a few tables."""
    folder = tmp_path_factory.mktemp("own")
    draw_photos(folder / "photos", 24)
    run = PretendedRun(folder, OWN, ["results/tables/all.csv"])
    for path in (folder / "data").rglob("*.zip"):  # before any model, whichever job came first
        os.utime(path, (1e9, 1e9))
    return run


def test_validation_images_that_come_later_leave_the_training_images(own: PretendedRun) -> None:
    """Nobody needs these, as no picture has labels: they are taken out of the training images all the same."""
    for name in ("mine", "yours"):
        held_out = OWN.replace(f"{name}: {{path: photos,", f"{name}: {{path: photos, val_images: 4,")
        assert f"import_validated_domain {name}" in own.again(held_out)
        again = own.again(held_out, f"results/models/{name}/model.safetensors")
        assert again >= {
            f"import_validated_domain {name}",
            "train_child yours" if name == "yours" else "train_parent mine",
        }


def test_a_fetched_model_that_is_to_be_trained_is_trained(own: PretendedRun) -> None:
    """Nobody needs the samples and the log, which a fetched one has not."""
    scratch = OWN.replace("fetch: human-64-a}", "architecture: {}}")
    assert "train_parent found" in own.again(scratch)
    assert own.again(scratch, "results/models/found/model.safetensors") == {"train_parent found"}
    left = own.directory / "results/models/found/samples.png"
    left.write_text("of an earlier training, brought back by a ledger: without a record")
    assert own.again(scratch, "results/models/found/model.safetensors") == {"train_parent found"}
    left.unlink()
    assert own.again(OWN.replace("yours, parent: mine", "yours, fetch: human-64-b, parent: mine")) >= {
        "fetch_child yours"
    }


def test_tables_and_figures_follow_the_order_of_children(own: PretendedRun) -> None:
    swapped = OWN.replace("  yours: {domain", "  HERS: {domain").replace("  ours: {domain", "  yours: {domain")
    again = own.again(swapped.replace("  HERS: {domain", "  ours: {domain"))
    assert again == {"figure_samples", "figure_aligned mine", "wide_tables", "tables"}


FRONT = """
domains:
  human: {draw: human, train_images: 64, test_images: 16, val_images: 8}
  animal: {draw: critters, train_images: 64, test_images: 16, val_images: 8}
  ink: {draw: ink, train_images: 64, test_images: 16, val_images: 8}
models:
  human: {domain: human, architecture: {}}
  animal: {domain: animal, parent: human}
  other: {domain: animal, parent: human, train: {keep: {}}}
  ink: {domain: ink, parent: human}
  pen: {domain: ink, parent: human, train: {keep: {}}}
train: {kimg: 0.064, batch_size: 8, threads: 1}
inversion: {images: 4, steps: 3}
inversion_spaces: [w+]
"""


def test_fronts_and_rulers_follow_the_order_of_models_and_domains(tmp_path: Path) -> None:
    """A ruler learns from the images of its domains in their order, and calls labels as the first one does."""
    run = PretendedRun(tmp_path, FRONT, ["results/front/all.csv"])
    *before, animal, other, ink, pen, training, steps, spaces = FRONT.splitlines()
    assert run.again("\n".join([*before, ink, pen, animal, other, training, steps, spaces])) == {"front"}
    head, domains, human, critters, inked, *rest = FRONT.splitlines()
    ruler = "results/zero_shot/segmentation/joint-64px.safetensors"
    again = run.again("\n".join([head, domains, human, inked, critters, *rest]), ruler)
    assert again == {"supervise_joint segmentation 64"}
