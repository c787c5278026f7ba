"""The networks that measure several domains alike: `joint_labels` over `labels`."""

from pathlib import Path

import pytest

from stylealign.config import load_config

ROOT = Path(__file__).parents[2]


def test_what_joint_labels_do_not_say_is_as_labels_say(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("labels: {images: 300, epochs: 3, seed: 5}\njoint_labels: {epochs: 7}\n")
    run = load_config(ROOT, ROOT, [own], {})
    assert (run.rulers.epochs, run.rulers.seed, run.labels.epochs) == (7, 5, 3)


def test_the_rulers_of_the_default_run_see_more_of_a_domain_than_its_other_networks() -> None:
    run = load_config(ROOT, ROOT, [], {})
    assert run.rulers.epochs * run.rulers.images > 2 * run.labels.epochs * run.labels.images


@pytest.mark.parametrize("name", ["bundled.yaml", "full.yaml", "ladder.yaml"])
def test_the_rulers_of_the_evidence_take_more_passes_than_its_other_networks(name: str) -> None:
    run = load_config(ROOT, ROOT, [ROOT / "config" / name], {})
    assert run.rulers.epochs > run.labels.epochs
    assert run.rulers.epochs * run.rulers.images * len(run.domains) >= 4 * 2048 * 4
