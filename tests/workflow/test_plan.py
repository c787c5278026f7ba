"""The plan: what would run, and what a mistake in the configuration gets. No job runs here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.snakemake import ROOT, jobs, planned, snakemake

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def test_the_default_run_is_planned_from_data_to_tables(tmp_path: Path) -> None:
    counts = planned(snakemake(tmp_path, "-n"))
    expected = {
        "draw_domain": 3, "fetch_parent": 2, "train_child": 3,
        "invert": 6, "translate": 6, "random_samples": 2, "morph": 2, "supervise": 12, "transfer": 6,
        "generators": 6, "inversion": 6, "translation": 8, "untouched": 2, "morphing": 2, "zero_shot": 14,
        "coverage": 5, "coverage_of_domain": 3, "alignment_weights": 3, "alignment_pointwise": 3, "alignment_curve": 3,
        "figure_samples": 1, "figure_aligned": 1, "figure_translation": 2, "figure_morphing": 2, "figure_zero_shot": 2,
        "figure_curve": 2,
        "tables": 1,
    }  # fmt: skip
    assert counts == expected
    assert list(tmp_path.glob("results/*")) == [], "a plan makes no files"


def test_the_literal_command_is_planned(tmp_path: Path) -> None:
    literal = planned(snakemake(tmp_path, "-n", "--cores", "8", "--resources", "gpu=4", "results/tables/all.csv"))
    assert literal == planned(snakemake(tmp_path, "-n")), "the tables are the default target"


def test_a_domain_of_ones_own_takes_five_lines(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    values["domains"]["mine"] = {"path": "photos", "train_images": 1, "test_images": 1}
    values["models"]["mine"] = {"domain": "mine", "parent": "human"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    before = jobs(snakemake(tmp_path, "-n"))
    after = jobs(snakemake(tmp_path, "-n", config=tmp_path / "mine.yaml"))
    assert before < after
    added = after - before
    assert {"import_domain mine", "train_child mine", "translation mine z", "generators mine mine"} <= added
    assert not [job for job in added if job.startswith(("zero_shot", "supervise", "transfer"))], "it has no annotations"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("morphing={frmes: 4}", "unknown key 'morphing.frmes'; did you mean 'frames'?"),
        ("inversion={steps: many}", "inversion.steps: Input should be a valid integer"),
        ("models={animal: {parent: nobody}}", "models.animal.parent: no 'nobody' among "),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_and_exit_code_2(tmp_path: Path, changes: str, message: str) -> None:
    done = snakemake(tmp_path, "-n", "--config", changes)
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("snakemake: ")]
    assert len(told) == 1
    assert message in told[0]
    assert "config.yaml" in told[0]
    assert "Traceback" not in done.stderr


def test_planning_imports_no_torch(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "snakemake",
        "-n",
        "--snakefile",
        ROOT / "workflow" / "Snakefile",
    ]
    done = subprocess.run([*command, "--directory", tmp_path], capture_output=True, text=True, check=True)
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "stylealign.config" in imported
    assert not {"torch", "matplotlib"} & imported


def rules() -> list[tuple[str, str]]:
    """Return name and text of every rule."""
    text = "\n".join(path.read_text() for path in RULES)
    return re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("name", "text"), [pytest.param(name, text, id=name) for name, text in rules()])
def test_every_rule_says_what_it_needs(name: str, text: str) -> None:
    for directive in ("output", "log", "benchmark", "threads", "resources", "params", "shell"):
        assert re.search(rf"^    {directive}:", text, re.MULTILINE), f"{name} has no {directive}"
    for resource in ("gpu=", "mem_mb=", "runtime="):
        assert resource in text, f"{name} does not say {resource}"
    verb = re.search(r'version=version\("([\w-]+)"\)', text)
    assert verb, f"{name} does not run again when its verb changes"
    shell = text.split("    shell:")[1]
    assert f"stylealign {verb[1]} " in shell, f"{name} depends on the version of another verb"
    assert "&> {log}" in shell
    assert shell.count("gpu-run -n {resources.gpu} -- ") == (0 if "gpu=0" in text else 1)


def test_the_workflow_stays_readable() -> None:
    def length(path: Path) -> int:
        return path.read_text().count("\n")

    assert length(ROOT / "workflow" / "Snakefile") < 50
    assert [path.name for path in RULES if length(path) >= 200] == []
