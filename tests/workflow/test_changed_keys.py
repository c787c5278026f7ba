"""What runs again when a key, a name or the order of models changes: read from a run without its work."""

import pytest

from tests.workflow.pretending import PretendedRun

pytestmark = pytest.mark.workflow

CONFIG = """
domains:
  human: {draw: human, train_images: 64, test_images: 16, val_images: 8}
  animal: {draw: critters, train_images: 64, test_images: 16, val_images: 8}
  ink: {draw: ink, train_images: 64, test_images: 16, val_images: 8}
models:
  human: {domain: human, architecture: {}}
  other: {domain: human, architecture: {}, train: {seed: 1}}
  third: {domain: human, architecture: {}, train: {seed: 2}}
  animal: {domain: animal, parent: human}
  first: {domain: animal, parent: other, control_of: animal}
  second: {domain: animal, parent: third, control_of: animal}
  ink: {domain: ink, parent: human}
train: {kimg: 0.064, batch_size: 8, threads: 1}
inversion: {images: 4, steps: 3}
inversion_spaces: [w+]
"""
DISTANCES = "results/metrics/distances/human.json"
OF_CONTROLS = [
    "results/metrics/translation/animal.json",
    "results/metrics/zero_shot/segmentation/animal.json",
    "results/figures/aligned-human.png",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> PretendedRun:
    """A run whose jobs wrote names alone."""
    return PretendedRun(tmp_path_factory.mktemp("pretended"), CONFIG, [DISTANCES, *OF_CONTROLS])


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
