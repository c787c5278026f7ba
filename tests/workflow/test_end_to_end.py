"""The tiny configuration through the real workflow, and what runs again when one key changes."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from stylealign.config import Config
from stylealign.measurements.rows import COLUMNS
from tests.report.browser import check_page, needs_browser, started
from tests.workflow.snakemake import TINY, jobs, snakemake, start_snakemake

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole tiny configuration has run."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("tiny") / "run")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_run_ends_with_where_its_results_are(run: Path) -> None:
    told = (run / "snakemake.err").read_text()
    assert "every number:  results/tables/all.csv" in told
    chain = re.search(r"longest chain: [^:]+: (.*)", told)
    assert chain
    assert re.search(r"> train_child animal(-unaligned)? \(.*> tables \(", chain[1]), (
        "the chain goes through the training"
    )


def test_every_table_has_its_rows(run: Path) -> None:
    rows = read(run / "results/tables/all.csv")
    assert tuple(rows[0]) == COLUMNS
    methods = {
        table: {row["method"] for row in rows if row["table"] == table} for table in {row["table"] for row in rows}
    }
    pairs = {"drawn pairs, same pose", "drawn pairs, shuffled"}
    zero_shot = {"source-only", "zero-shot best", "zero-shot best unaligned", "oracle", *pairs}
    zero_shot |= {"zero-shot shuffled", "oracle on generated images"}
    zero_shot |= {"zero-shot backwards", "zero-shot backwards unaligned"}
    zero_shot |= {
        f"zero-shot{way}{end}"
        for way in ("", " filtered", " half-way", " averaged", " layer-swap")
        for end in ("", " unaligned")
    }
    assert methods.keys() == {
        "generators",
        "inversion",
        "translation",
        "morphing",
        "zero_shot_segmentation",
        "zero_shot_keypoints",
        "zero_shot_regression",
        "zero_shot_costs",
        "zero_shot_classification",
        "alignment_weights",
        "alignment_reset",
        "alignment_pointwise",
        "alignment_score",
        "alignment_semantic",
        "alignment_channels",
        "alignment_curve",
        "coverage",
        "coverage_attributes",
    }
    assert methods["generators"] == {"parent", "child", "unaligned"}
    guided = {"latent-guided", "reference-guided", "layer-swap"}
    assert methods["translation"] == {"w+", "unaligned", "untouched", "random"} | guided
    outputs = {row["method"] for row in rows if row["metric"] == "diversity"}
    assert outputs == {"latent-guided", "reference-guided", "random"}
    assert methods["morphing"] >= {"codes+weights", "codes-only", "weights-only", "cross-fade"}
    assert methods["zero_shot_segmentation"] == methods["zero_shot_keypoints"] == zero_shot
    assert methods["zero_shot_regression"] == zero_shot | {
        "latent distances damped",
        "latent distances damped unaligned",
    }
    carried = {"transferred labels", "transferred labels unaligned", "transferred labels shuffled"}
    assert methods["zero_shot_costs"] == carried | {"source-only"}
    classified = {way for way in zero_shot if "backwards" not in way and not way.startswith("drawn pairs")}
    assert methods["zero_shot_classification"] >= classified
    assert methods["coverage"] == methods["coverage_attributes"] == {"test images", "parent", "child", "unaligned"}
    assert methods["alignment_semantic"] == {"child", "unaligned", "random"}
    assert methods["alignment_score"] == {"child", "unaligned", "shuffled"}
    assert methods["alignment_pointwise"] == {"child", "unaligned", "shuffled", *pairs}
    curve = {(row["method"], row["setting"]) for row in rows if row["table"] == "alignment_curve"}
    assert curve == {(method, f"{kimg} kimg") for method in ("child", "unaligned") for kimg in (0.032, 0.064)}
    assert {row["child"] for row in rows} == {"human", "human-control", "animal"}, "a control is a method of its child"
    assert all(row["features"] for row in rows if row["metric"] in ("fid", "kid", "precision", "recall"))


def test_every_table_comes_in_three_forms(run: Path) -> None:
    tables = run / "results/tables"
    for name in {row["table"] for row in read(tables / "all.csv")}:
        assert read(tables / f"{name}.csv")
        assert (tables / f"{name}.md").read_text().startswith(f"# {name}\n")
        assert "\\toprule" in (tables / f"{name}.tex").read_text()


def test_the_figures_are_images(run: Path) -> None:
    names = {path.stem for path in (run / "results/figures").glob("*.png")}
    assert names == {
        "samples",
        "aligned-human",
        "edits-human",
        "channels-animal",
        "translation-animal",
        "multi-modal-animal",
        "morphing-animal",
        "zero-shot-animal",
        "ranking-animal",
        "curve-animal",
    }
    for name in names:
        with Image.open(run / "results/figures" / f"{name}.png") as image:
            assert image.width > 300


def test_each_model_keeps_the_settings_it_was_made_with(run: Path) -> None:
    config = Config.model_validate(yaml.safe_load(TINY.read_text()))
    for name in config.models:
        text = (run / "results/models" / name / "config.json").read_text()
        assert f'"kimg": {config.training_of(name).kimg}' in text


def test_a_second_run_finds_nothing_to_do(run: Path) -> None:
    done = snakemake(run, "--cores", "2", config=TINY)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stderr


def changed(path: Path, key: str, value: Any) -> Path:
    """Write the tiny configuration with another value at a dotted key."""
    values = yaml.safe_load(TINY.read_text())
    *parents, last = key.split(".")
    inner = values
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner[last] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


THE_TABLES = {"wide_tables", "tables"}
AFTER_THE_CHILD = {
    "encoder animal",
    "invert animal w+",
    "inversion animal w+",
    "translate animal w+",
    "translate animal latent-guided",
    "translate animal reference-guided",
    "translate animal layer-swap",
    "blend animal",
    "random_samples animal",
    "translation animal",
    "figure_multi_modal animal",
    "morph animal",
    "morphing animal",
    "transfer segmentation animal",
    "transfer keypoints animal",
    "transfer pose animal",
    "transfer attributes animal",
    "transfer_bounds segmentation animal",
    "transfer_bounds keypoints animal",
    "transfer_bounds pose animal",
    "transfer_bounds attributes animal",
    "zero_shot segmentation animal",
    "zero_shot keypoints animal",
    "zero_shot pose animal",
    "zero_shot_classification animal",
    "generators animal animal",
    "alignment_weights animal",
    "alignment_reset animal",
    "figure_samples",
    "coverage animal",
    "alignment_pointwise animal",
    "alignment_score animal",
    "alignment_semantic animal",
    "alignment_channels animal",
    "alignment_curve animal",
    "figure_curve animal",
    "figure_aligned human",
    "figure_edits human",
    "figure_channels animal",
    "figure_translation animal",
    "figure_morphing animal",
    "figure_zero_shot animal",
    "figure_ranking animal",
    *THE_TABLES,
}
OF_THE_CONTROL = {
    "train_child animal-unaligned",
    "encoder animal-unaligned",
    "invert animal-unaligned w+",
    "translate animal-unaligned w+",
    "generators animal animal-unaligned",
    "coverage animal-unaligned",
    *(f"transfer {task} animal-unaligned" for task in ("segmentation", "keypoints", "pose", "attributes")),
    *(
        f"alignment_{what} animal-unaligned"
        for what in ("weights", "reset", "pointwise", "score", "semantic", "channels", "curve")
    ),
}
"""A control is trained as its child."""


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("morphing.frames", 6, {"morph animal", "morphing animal", "figure_morphing animal", *THE_TABLES}),
        ("models.animal.train", {"kimg": 0.128}, {"train_child animal"} | AFTER_THE_CHILD | OF_THE_CONTROL),
        (
            "metrics.samples",
            40,
            {
                f"generators {pair}"
                for pair in ("human human", "animal animal", "animal human", "animal animal-unaligned")
            }
            | {f"coverage {model}" for model in ("human", "human-control", "animal", "animal-unaligned")}
            | THE_TABLES,
        ),
        (
            "metrics.reset_samples",
            40,
            {f"alignment_reset {model}" for model in ("animal", "animal-unaligned")} | THE_TABLES,
        ),
    ],
)
def test_one_key_re_runs_only_what_depends_on_it(
    run: Path, tmp_path: Path, key: str, value: Any, expected: set[str]
) -> None:
    assert jobs(snakemake(run, "-n", config=changed(tmp_path / "c.yaml", key, value))) == expected


def test_more_inversion_steps_train_nothing(run: Path, tmp_path: Path) -> None:
    again = jobs(snakemake(run, "-n", config=changed(tmp_path / "c.yaml", "inversion.steps", 4)))
    assert {"invert human w+", "invert animal w+", "morph animal", *THE_TABLES} <= again
    other = ("train", "draw", "supervise", "transfer", "generators")
    assert not [job for job in again if job.startswith(other)]
    assert {"zero_shot_classification animal", "zero_shot pose animal"} <= again, "they read codes"


PAGE = "results/report/report.html"


def test_the_report_page_is_made_from_the_run(run: Path) -> None:
    (run / PAGE).unlink(missing_ok=True)
    done = snakemake(run, "--cores", "2", "--", PAGE, config=TINY)
    assert done.returncode == 0, done.stderr
    assert f"report page:   {PAGE}" in done.stderr
    text = (run / PAGE).read_text()
    for table in {row["table"] for row in read(run / "results/tables/all.csv")}:
        assert f'id="table-{table}"' in text
    for figure in (run / "results/figures").glob("*.png"):
        assert f'id="{figure.stem}"' in text
    assert text.count("<video") == len(list(run.glob("results/morphing/*/morph.mp4"))) > 0
    assert "animal/model.safetensors</code>" in text, "the records name the models by their hashes"
    assert "<code>train_child</code>" in text
    again = snakemake(run, "--cores", "2", "--", PAGE, config=TINY)
    assert "Nothing to be done" in again.stderr


@needs_browser
def test_the_report_page_opens_in_a_browser(run: Path) -> None:
    done = snakemake(run, "--cores", "2", "--", PAGE, config=TINY)
    assert done.returncode == 0, done.stderr
    with started() as browser:
        check_page(browser, run / PAGE, 360)


def test_the_benchmark_of_a_finished_run(run: Path) -> None:
    """Its shares are shares, and every rule that ran is one that `plan` knows."""
    command = [sys.executable, "-m", "benchmarks.workflow", "--json", "--repeats", "1", "--jobs"]
    command += ["--run", str(run), "--config", str(TINY)]
    root = Path(__file__).parents[2]
    found = json.loads(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)
    assert found["planning"] == []
    assert 0 < found["start_up"]["start_up_share"] <= 1
    assert found["start_up"]["jobs"] >= len(found["plan"]["rules"]) > 5
    assert found["plan"]["ratio"] > 0


def test_snakemakes_own_report_has_every_figure_and_its_caption(run: Path) -> None:
    done = snakemake(run, "--report", str(run / "own.zip"), config=TINY)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(run / "own.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        text = archive.read("own/report.html").decode()
    assert names >= {path.name for path in (run / "results/figures").glob("*.png")} | {"morph.mp4", "all.csv"}
    for category in ("Data", "Models", "Inversion", "Translation", "Morphing", "Figures", "Tables"):
        assert f'"{category}"' in text
    assert "<strong>animal</strong>. One row" in text, "captions name what they are of"
    assert not re.findall(r"\{\{ *snakemake", text)


MODEL = "results/models/animal/model.safetensors"


def test_a_lost_model_is_made_again_bit_for_bit_from_its_run_directory(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    shutil.rmtree((copy / MODEL).parent)
    done = snakemake(copy, "--cores", "1", "--", MODEL, config=TINY)
    assert done.returncode == 0, done.stderr
    assert (copy / MODEL).read_bytes() == (run / MODEL).read_bytes()
    assert "goes on from" in (copy / "results/logs/train_child/animal.log").read_text()


def test_a_killed_training_is_resumed_and_ends_bit_for_bit_the_same(run: Path, tmp_path: Path) -> None:
    config = changed(tmp_path / "c.yaml", "models.animal.train", {"kimg": 0.16, "state_interval_s": 0})
    whole, killed = (shutil.copytree(run, tmp_path / name) for name in ("whole", "killed"))
    assert snakemake(whole, "--cores", "1", "--", MODEL, config=config).returncode == 0
    before = set(states_of(killed))
    with start_snakemake(killed, "--cores", "1", "--", MODEL, config=config) as running:
        os.kill(training_with_a_state(running, killed, before), signal.SIGKILL)
        _, told = running.communicate()
    assert running.returncode == 0, told
    assert "FAILED train_child animal" in told
    assert "goes on from" in (killed / "results/logs/train_child/animal.log").read_text()
    assert (killed / MODEL).read_bytes() == (whole / MODEL).read_bytes()


def states_of(directory: Path) -> dict[tuple[Path, int], Path]:
    """Return the states of a child's trainings, known by their time, with their run directories."""
    found = directory.glob("results/runs/animal-*/state.bin")
    return {(path, path.stat().st_mtime_ns): path.parent for path in found}


def training_with_a_state(running: subprocess.Popen[str], directory: Path, before: set[tuple[Path, int]]) -> int:
    """Wait until a training in `directory` has saved a further state, and return its process id."""
    while not (states := [folder for key, folder in states_of(directory).items() if key not in before]):
        with suppress(subprocess.TimeoutExpired):
            assert running.wait(0.05) is None, "the run ended before the training saved a state"
    name = states[0].name
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # a process that ended meanwhile
            words = (process / "cmdline").read_text().split("\0")
            if "train" in words and f"results/runs/{name}" in words and str(directory) == os.readlink(process / "cwd"):
                return int(process.name)
    raise AssertionError("the training ended before it could be killed")
