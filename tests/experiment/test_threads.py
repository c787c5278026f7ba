"""How the cores of a run are shared by its trainings."""

from pathlib import Path

import pytest

from stylealign.experiment.threads import training_threads
from tests.experiment.common import experiment

MODELS = """
human: {domain: human, architecture: {}}
other: {domain: human, architecture: {}, train: {threads: 3}}
fetched: {domain: human, fetch: human-64-a}
animal: {domain: animal, parent: human}
animal-again: {domain: animal, parent: other}
quick: {domain: animal, parent: fetched}
grandchild: {domain: mine, parent: animal}
"""


@pytest.mark.parametrize(
    ("model", "threads"),
    [
        ("human", {1: 1, 2: 1, 8: 2}),
        ("other", {1: 3, 8: 3}),
        ("quick", {9: 3}),
        ("animal", {7: 3}),
        ("grandchild", {7: 7}),
    ],
)
def test_trainings_of_a_generation_share_the_cores(model: str, threads: dict[int, int], tmp_path: Path) -> None:
    """human, other and quick come first; animal and animal-again are children of what is trained."""
    config = experiment(tmp_path, MODELS).config
    assert {cores: training_threads(config, model, cores) for cores in threads} == threads


def test_the_workflows_threads_are_for_every_training(tmp_path: Path) -> None:
    config = experiment(tmp_path, train={"threads": 5}).config
    assert {training_threads(config, name, 64) for name in ("animal", "unaligned", "grandchild")} == {5}
