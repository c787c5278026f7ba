"""Every command of README.md: each parses, and each runs, the long ones with small settings."""

import csv
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylealign.cli.main import parser
from tests.workflow.conftest import tiny_run  # noqa: F401  (a fixture)
from tests.workflow.snakemake import SNAKEMAKE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN_ELSEWHERE = {
    "python3 -m venv": "tests/workflow/test_package.py makes one",
    "pip install": "tests/workflow/test_package.py installs the wheel",
    "make ": "the workflow runs in tests/workflow/test_end_to_end.py",
    "stylealign explore": "tests/explore/test_page.py opens the page",
    "stylealign fetch ffhq-256": "a download",
    "stylealign convert network.pkl": "tests/checkpoints/test_importers.py",
    "stylealign gpu-run": "tests/workflow/test_gpu_run.py",
    "stylealign provenance": "needs the tables of a whole run: tests/ledger/test_provenance.py",
    "snakemake --workflow-profile workflow/profiles/slurm": "tests/workflow/test_slurm.py",
}
"""Commands that no test here runs, and why."""
READERS = ("PHOTOS", "network.pkl", "my_script.py")
"""Files that a reader has."""
SMALL = {
    "stylealign data draw": "--train-images 24 --test-images 8 --val-images 4",
    "stylealign train": "--kimg 0.032 --batch-size 8",
    "stylealign alignment": "--score-latents 16",
    "stylealign invert": "--steps 2",
    "stylealign morph": "--frames 3 --images 1 --middle-images 1",
    "stylealign figures overview": "--images 1 --steps 2 --taught 16",
    "stylealign supervise": "--epochs 1",
    "stylealign transfer": "--epochs 1 --images 32",
    "stylealign directions": "--samples 200",
    "stylealign edit": "--strengths=-1,1",
    "stylealign init": "--config tiny",
    "snakemake": "--dry-run",
}
"""What a command gets besides, so that it takes seconds."""


def section(title: str) -> list[str]:
    """Return the commands of a section, without their comments."""
    text = re.split(r"^## ", README, flags=re.MULTILINE)
    found = next(part for part in text if part.startswith(title))
    blocks = re.findall(r"^```sh\n(.*?)^```", found, re.MULTILINE | re.DOTALL)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


TITLES = [part.splitlines()[0] for part in re.split(r"^## ", README, flags=re.MULTILINE)[1:]]
COMMANDS = [command for title in TITLES for command in section(title)]


def test_every_command_parses() -> None:
    whole = parser()
    known = [command for command in COMMANDS if command.startswith("stylealign ")]
    assert len(known) > 20
    for command in known:
        whole.parse_args(shlex.split(command)[1:])


def test_every_file_of_a_command_was_made_before_it() -> None:
    made = set(READERS)
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] == "cd":
            made = {*READERS, "config", "results", "workflow"}
        if words[0] == "cp":
            made.add(words[-1])
        if words[0] != "stylealign":
            continue
        for flag, word in itertools.pairwise(words):
            place = Path(word.rpartition("=")[2])
            is_converted = words[1] == "convert" and word == words[-1]
            if is_converted or flag in ("--out", "--out-dir", "--run-dir", "--zip", "--grid"):
                made.add(place.parts[0])
            elif len(place.parts) > 1 or place.suffix:
                assert place.parts[0] in made, f"{command}: {place} is made by no command above"


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md", "data/zoo/README.md"]
)
def test_every_picture_and_page_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert len(links) > (15 if page == "README.md" else -1)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_what_runs_elsewhere_does() -> None:
    for start, where in RUN_ELSEWHERE.items():
        assert any(command.startswith(start) for command in ["make tables", *COMMANDS]), start
        for path in re.findall(r"tests/\S+\.py", where):
            assert (ROOT / path).is_file(), path


def run(command: str, folder: Path) -> None:
    """Run a command of the README, with small settings, unless it runs elsewhere."""
    if any(command.startswith(start) for start in RUN_ELSEWHERE):
        return
    more = next((flags for start, flags in SMALL.items() if command.startswith(start)), "")
    before, separator, targets = (
        command.partition(" results/") if command.startswith("snakemake") else (command, "", "")
    )
    if command.startswith("cp "):
        shutil.copyfile(*(folder / file for file in shlex.split(command)[1:]))
        return
    words = shlex.split(f"{before} {more}{separator}{targets}")
    program = {"stylealign": [sys.executable, "-m", "stylealign"], "snakemake": [SNAKEMAKE]}[words[0]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*program, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a few pictures in PHOTOS."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "PHOTOS").mkdir()
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 256, (5, 5, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((80, 70)).save(folder / "PHOTOS" / f"{number}.jpg")
    return folder


@pytest.mark.workflow
def test_the_commands_run_in_their_order(folder: Path) -> None:
    """Up to the run folder, which a reader enters: what comes behind it is the next test's."""
    for command in COMMANDS[: COMMANDS.index("stylealign init my-run")]:
        run(command, folder)
    for made in ("toon.png", "morph/morph.mp4", "overview.png", "labels", "edits.png", "pairs.png"):
        assert (folder / made).exists(), made


@pytest.mark.workflow
def test_the_run_folder_and_snakemake(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for command in section("A domain of your own"):
        if command.startswith("cd "):
            tmp_path /= command[3:]
        else:
            run(command, tmp_path)
    # What `snakemake` makes there, but for the tables, comes from the run that other tests look at.
    ran = request.getfixturevalue("tiny_run")
    for name in ("data", "results", ".snakemake"):
        shutil.copytree(ran / name, tmp_path / name, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "results" / "tables")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [SNAKEMAKE, "--cores", "1", "--", "results/tables/all.csv"], cwd=tmp_path, env=environment, check=True
    )
    with (tmp_path / "results" / "tables" / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"generators", "alignment_score", "zero_shot_segmentation"} <= {row["table"] for row in rows}
    assert all(row["value"] for row in rows if row["metric"] == "fid")
    for command in [*section("Cluster and GPU"), *section("The whole run")]:
        if "config/paper.yaml" not in command:  # of the checkout
            run(command, tmp_path)
    run(next(command for command in section("The whole run") if "config/paper.yaml" in command), ROOT)
