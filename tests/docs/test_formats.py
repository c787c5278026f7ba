"""docs/formats.md names every file that the workflow's rules and the verbs write, and every column of the tables."""

import re
from pathlib import Path

import pytest

from stylealign.cli.predict import FACTS
from stylealign.experiment.paths import transferred_network
from stylealign.measurements.rows import COLUMNS
from stylealign.report.predictions import MADE
from stylealign.report.seeds import SEED_COLUMNS
from stylealign.report.tables import SOURCE_COLUMNS
from stylealign.training.state import CLAIM, IDENTITY, PREVIOUS, STATE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def outputs(rules: str) -> list[str]:
    """Return the files of all `output:` sections, with wildcards in capitals: `results/models/MODEL/samples.png`."""
    sections = re.findall(r"^    output:\n(.*?)(?=^    \w+:$)", rules, re.MULTILINE | re.DOTALL)
    paths = [path for section in sections for path in re.findall(r'"((?:results|data)/[^"]+)"', section)]
    if any("transferred_network(" in section for section in sections):
        paths.append(transferred_network("{task}", "{model}", "{method}", "{seed}"))
    return [re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), path) for path in paths]


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_the_outputs_of_the_rules_are_there(file: Path) -> None:
    names = {Path(path).name for path in outputs(file.read_text(encoding="utf-8"))}
    assert [name for name in sorted(names) if not re.search(rf"(?<![\w.-]){re.escape(name)}(?!\w)", PAGE)] == []


def test_outputs_are_found() -> None:
    found = {path for file in RULES for path in outputs(file.read_text(encoding="utf-8"))}
    assert len(found) > 70
    assert {"results/morphing/CHILD/middle.zip", "results/zero_shot/TASK/MODEL/METHOD-SEED.safetensors"} <= found
    assert "results/tables/TABLE.KIND" in found


def test_what_the_verbs_write_is_there() -> None:
    names = [*MADE, FACTS, STATE, PREVIOUS, IDENTITY, CLAIM, *COLUMNS, *SOURCE_COLUMNS, *SEED_COLUMNS]
    assert [name for name in names if not re.search(rf"`(?:\w+/)?{re.escape(name)}[`/]", PAGE)] == []
