"""Experiments of a few lines."""

from pathlib import Path
from typing import Any

import yaml

from stylealign.config import Config, validate
from stylealign.experiment import Experiment

ZOO = Path(__file__).parents[2] / "data" / "zoo.yaml"
FAMILY = """
human: {domain: human, fetch: human-64-a}
other: {domain: human, fetch: human-64-b}
animal: {domain: animal, parent: human}
unaligned: {domain: animal, parent: other, control_of: animal}
grandchild: {domain: mine, parent: animal}
"""


def experiment(directory: Path, models: str = FAMILY, **values: Any) -> Experiment:
    """Return the experiment of `models`, on two drawn domains and the pictures in `mine`."""
    domains = {name: {"draw": name} for name in ("human", "animal")} | {"mine": {"path": "mine"}}
    config = {"domains": domains, "models": yaml.safe_load(models)} | values
    return Experiment(validate(Config, config, "c"), ZOO, directory)
