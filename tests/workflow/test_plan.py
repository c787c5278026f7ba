"""The plan: what would run, and what a mistake in the configuration gets. No job runs here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
import yaml

from stylealign.measurements.registry import kind
from tests.workflow.snakemake import ROOT, jobs, planned, snakemake

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def test_the_default_run_is_planned_from_data_to_tables(tmp_path: Path) -> None:
    counts = planned(snakemake(tmp_path, "-n"))
    expected = {
        "alignment_reset": 2,
        "generators": 13,
        "transfer": 8,
        "invert": 7,
        "translation": 2,
        "coverage": 8,
        "draw_domain": 4,
        "draw_held_out": 5,
        "features": 8,
        "train_child": 2,
        "supervise": 12,
        "translate": 14,
        "alignment_score": 8,
        "alignment_curve": 2,
        "supervise_joint": 3,
        "transfer_bounds": 4,
        "alignment_semantic": 2,
        "alignment_pointwise": 6,
        "coverage_of_domain": 4,
        "inversion": 6,
        "alignment_weights": 8,
        "morphing": 2,
        "morph": 2,
        "draw_pairs": 3,
        "fetch_child": 6,
        "zero_shot": 3,
        "alignment_channels": 2,
        "references": 3,
        "distances": 1,
        "random_samples": 2,
        "blend": 2,
        "figure_morphing": 2,
        "figure_translation": 2,
        "figure_multi_modal": 2,
        "zero_shot_classification": 1,
        "fetch_parent": 2,
        "figure_samples": 1,
        "figure_aligned": 1,
        "figure_edits": 1,
        "figure_channels": 1,
        "figure_zero_shot": 1,
        "figure_ranking": 1,
        "figure_curve": 1,
        "ladder": 1,
        "figure_ladder": 1,
        "wide_tables": 1,
        "tables": 1,
    }
    assert counts == expected
    assert list(tmp_path.glob("results/*")) == [], "a plan makes no files"


def test_the_literal_command_is_planned(tmp_path: Path) -> None:
    literal = planned(snakemake(tmp_path, "-n", "--cores", "8", "--resources", "gpu=4", "results/tables/all.csv"))
    assert literal == planned(snakemake(tmp_path, "-n")), "the tables are the default target"


def test_a_domain_of_ones_own_takes_five_lines(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    (tmp_path / "photos").mkdir()
    for name in range(20):
        (tmp_path / "photos" / f"{name}.png").touch()
    values["domains"]["mine"] = {"path": "photos", "train_images": 16, "test_images": 4}
    values["models"]["mine"] = {"domain": "mine", "parent": "human"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    before = jobs(snakemake(tmp_path, "-n"))
    after = jobs(snakemake(tmp_path, "-n", config=tmp_path / "mine.yaml"))
    assert before < after
    added = after - before
    assert {"import_domain mine", "train_child mine", "translation mine", "generators mine mine"} <= added
    labels = {job for job in added if job.startswith(("zero_shot", "supervise", "transfer"))}
    tested = {f"zero_shot_labeller {task} human" for task in ("segmentation", "keypoints", "pose")}
    assert labels == tested | {f"transfer_untested {task} mine" for task in ("segmentation", "keypoints", "pose")}
    assert {f"predict {task} mine" for task in ("segmentation", "keypoints", "pose")} <= added


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("morphing={frmes: 4}", "unknown key 'morphing.frmes'; did you mean 'frames'?"),
        ("inversion={steps: many}", "inversion.steps: Input should be a valid integer"),
        ("models={toon: {parent: nobody}}", "models.toon.parent: no 'nobody' among "),
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
    of_domain = "version=lambda w: EXPERIMENT.identity.data_version(w.domain)"
    text = text.replace(of_domain, 'version=version("data")')  # which it is, or more
    verb = re.search(r'version=(?:version\("([\w-]+)"\)|kind\("(\w+)"\)\.version)', text)
    assert verb, f"{name} does not run again when its verb or kind changes"
    command = verb[1] or f"evaluate {kind(verb[2]).command}"
    shell = text.split("    shell:")[1].strip().split("\n\n")[0]
    assert f"stylealign {command} " in shell, f"{name} depends on the version of another verb"
    assert "&> {log}" in shell
    assert not {"&&", "|", ";"} & set(shell.split()), "`exec` stands before the command (processes.smk)"
    assert shell.count("gpu-run -n {resources.gpu} -- ") == (0 if "gpu=0" in text else 1)


def test_the_workflow_stays_readable() -> None:
    def length(path: Path) -> int:
        return path.read_text().count("\n")

    assert length(ROOT / "workflow" / "Snakefile") < 50
    assert [path.name for path in RULES if length(path) >= 200] == []


def test_the_papers_pairs_are_planned(tmp_path: Path) -> None:
    done = snakemake(tmp_path, "-n", config=ROOT / "config" / "paper.yaml")
    counts = planned(done)
    assert [counts[rule] for rule in ("train_child", "fetch_parent", "fetch_domain", "fetch_weights")] == [14, 8, 9, 2]
    found = jobs(done)
    assert {"translation dog-cat", "generators dog-cat dog", "alignment_weights dog-cat"} <= found
    assert not [job for job in found if job.startswith(("zero_shot", "supervise"))], "photographs have no annotations"


def planned_jobs(tmp_path: Path, config: Path) -> list[dict[str, Any]]:
    noted = tmp_path / "jobs.jsonl"
    done = snakemake(tmp_path, "-n", "--logger", "stylealign", "--logger-stylealign-jobs", str(noted), config=config)
    assert done.returncode == 0, done.stderr
    return [job for line in noted.read_text().splitlines() if (job := json.loads(line))["outputs"]]


def test_a_child_of_a_child_is_compared_with_its_own_parent(tmp_path: Path) -> None:
    made = {job["outputs"][0]: job for job in planned_jobs(tmp_path, ROOT / "config" / "paper.yaml")}
    translate = made["results/translation/dog-cat/w+/images.zip"]["inputs"]
    assert "results/latents/dog/w+/codes.npz" in translate
    assert "results/models/dog/model.safetensors" in made["results/models/dog-cat/model.safetensors"]["inputs"]
    control = made["results/translation/dog-cat-unaligned/w+/images.zip"]["inputs"]
    assert "results/latents/dog/w+/codes.npz" in control, "a control translates the codes of the aligned parent"


def test_a_method_is_chosen_on_the_validation_images_of_labelled_pictures(tmp_path: Path) -> None:
    labels = {"attributes": "labels.csv"}
    values = {
        "domains": {
            "dogs": {"path": "photos", "annotations": labels},
            "cats": {"path": "photos", "annotations": labels, "val_images": 1},
            "wild": {"fetch": "afhq-wild", "annotations": labels, "val_images": 9},
            "bare": {"path": "photos", "val_images": 1},
        },
        "models": {
            "dogs": {"domain": "dogs", "architecture": {}},
            **{name: {"domain": name, "parent": "dogs"} for name in ("cats", "wild", "bare")},
        },
    }
    (tmp_path / "photos").mkdir()
    for name in (*ascii_lowercase, *range(20)):
        (tmp_path / "photos" / f"{name}.png").touch()
    (tmp_path / "labels.csv").write_text("image,young\na,yes\nb,no\n")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    found = planned_jobs(tmp_path, tmp_path / "own.yaml")
    rules = {job["wildcards"]["domain"]: job["rule"] for job in found if "train.zip" in job["outputs"][0]}
    assert rules == {
        "dogs": "import_domain",
        "cats": "import_validated_domain",
        "wild": "fetch_validated_domain",
        "bare": "import_validated_domain",
    }
    labelled = {job["wildcards"]["domain"]: job["rule"] for job in found if "train.annotations" in job["outputs"][0]}
    assert labelled == {
        "dogs": "label_domain",
        "cats": "label_validated_domain",
        "wild": "label_validated_fetched_domain",
    }
    made = {job["outputs"][0]: job for job in found}
    for name in ("cats", "wild"):
        chosen = {f"data/prepared/{name}/val.zip", f"data/prepared/{name}/val.annotations.npz"}
        made_of = [set(made[f"data/prepared/{name}/train.{end}"]["outputs"]) for end in ("zip", "annotations.npz")]
        assert chosen & made_of[0] and chosen & made_of[1] and chosen <= made_of[0] | made_of[1]
        assert chosen <= set(made[f"results/metrics/zero_shot_classification/{name}.json"]["inputs"])
    assert "results/metrics/zero_shot_classification/bare.json" not in made


def test_labels_change_no_job_that_reads_none(tmp_path: Path) -> None:
    """What a finished run has is as it was when labels come later: the same jobs, inputs, outputs and commands."""
    (tmp_path / "photos").mkdir()
    for name in (*ascii_lowercase, *range(20)):
        (tmp_path / "photos" / f"{name}.png").touch()
    (tmp_path / "young.csv").write_text("image,young\na,yes\nb,no\n")
    (tmp_path / "yaw.csv").write_text("image,yaw\na,1\nb,2\n")
    (tmp_path / "ears.csv").write_text("image,ear_left_x,ear_left_y,ear_right_x,ear_right_y\na,1,2,2,3\n")
    files = {"masks": "photos", "keypoints": "ears.csv", "values": "yaw.csv", "attributes": "young.csv"}
    domains = {
        "dogs": {"path": "photos"},
        "cats": {"path": "photos", "val_images": 2},
        "wild": {"fetch": "afhq-wild"},
        "more": {"fetch": "afhq-dog", "val_images": 9},
    }
    models = {name: {"domain": "dogs", "architecture": {}, "train": {"seed": len(name)}} for name in ("dogs", "other")}
    models |= {name: {"domain": name, "parent": "dogs"} for name in ("cats", "wild", "more")}
    models["cats-unaligned"] = {"domain": "cats", "parent": "other", "control_of": "cats"}
    found = []
    for labels in ({}, {"annotations": files}):
        own = {name: values | labels for name, values in domains.items()}
        (tmp_path / "own.yaml").write_text(yaml.safe_dump({"domains": own, "models": models}))
        jobs_file = tmp_path / f"{len(labels)}.jsonl"
        flags = ("--printshellcmds", "--logger", "stylealign", "--logger-stylealign-jobs", str(jobs_file))
        done = snakemake(tmp_path, "-n", *flags, config=tmp_path / "own.yaml")
        assert done.returncode == 0, done.stderr
        made = {tuple(job["outputs"]): job for job in map(json.loads, jobs_file.read_text().splitlines())}
        found.append((made, {line for line in done.stdout.splitlines() if "stylealign " in line}))
    (before, commands), (after, commands_after) = found
    assert len(before) > 80 and len(after) > len(before) + 40
    changed = {job["rule"] for made, job in before.items() if after.get(made) != job} - {"all"}
    assert changed == {"ladder", "wide_tables", "tables"}
    others = sorted(re.findall(r"stylealign (evaluate \w+|\w+)", line)[0] for line in commands - commands_after)
    assert others == ["evaluate ladder", "tables", "tables"]


def test_seeds_are_models_of_their_own_and_their_mean_is_asked_for(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "config" / "tiny.yaml").read_text())
    for model in ("animal", "animal-unaligned"):
        values["models"][model]["seeds"] = [0, 1, 7]
    (tmp_path / "seeds.yaml").write_text(yaml.safe_dump(values))
    done = snakemake(tmp_path, "-n", "--printshellcmds", config=tmp_path / "seeds.yaml")
    found = jobs(done)
    assert {f"train_child animal-s{seed}" for seed in (0, 1, 7)} < found
    assert "generators animal-s7 animal-unaligned-s7" in found
    assert "generators animal-s7 animal-unaligned-s0" not in found, "each seed has the control of the same seed"
    assert "--seeds animal=animal-s0,animal-s1,animal-s7" in done.stdout
    assert {job for job in found if job.startswith("draw_domain")} == {"draw_domain human", "draw_domain animal"}


def test_what_a_run_takes_is_told_before_it_starts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stylealign", "plan", "--json", "--directory", tmp_path, "--cores", "2"]
    done = subprocess.run([*command, "--snakefile", ROOT / "workflow/Snakefile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["total"]["jobs"] == sum(stage["jobs"] for stage in plan["stages"].values()) == 174
    assert plan["total"]["gpu_h"] == plan["total"]["download_mb"] == 0, "the default run needs no GPU and no download"
    assert "unknown" not in plan["total"]["sources"], "every rule has a cost"
    assert not list(tmp_path.glob("results/*"))


def test_trainings_share_the_cores_that_a_plan_reckons_with(tmp_path: Path) -> None:
    def children(cores: int, gpus: int = 0) -> float:
        """Plan for another machine than this one, which has a GPU where that one has none, and the reverse."""
        command = [sys.executable, "-m", "stylealign", "plan", "--json", "--directory", tmp_path, "--cores", str(cores)]
        command += ["--gpus", str(gpus), "--snakefile", ROOT / "workflow/Snakefile"]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "" if gpus else "0"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        hours: float = json.loads(done.stdout)["stages"]["children"]["cpu_h"]
        return hours

    # A child and its control side by side: a thread each, and four each, which wait for each other.
    assert children(8) > 1.5 * children(2)
    assert children(8, gpus=1) == children(2), "with a GPU each has one thread"


def test_a_plan_says_that_no_method_can_be_chosen_without_validation_images(tmp_path: Path) -> None:
    labels = {"annotations": {"attributes": "labels.csv"}}
    domains = {name: {"path": "photos", "resolution_px": 16, **labels} for name in ("dogs", "cats")}
    models = {"dogs": {"domain": "dogs", "architecture": {}}, "cats": {"domain": "cats", "parent": "dogs"}}
    (tmp_path / "photos").mkdir()
    for name in ("a", "b", *range(38)):
        (tmp_path / "photos" / f"{name}.png").touch()
    (tmp_path / "labels.csv").write_text("image,young\na,yes\nb,no\n")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"domains": domains, "models": models}))
    command = [sys.executable, "-m", "stylealign", "plan", "--configfile", tmp_path / "c.yaml"]
    command += ["--directory", tmp_path, "--snakefile", ROOT / "workflow/Snakefile"]
    told = "no row 'zero-shot best' for cats: without validation images no method can be chosen"
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text.splitlines()[-1] == f"{told}; set domains.cats.val_images"
    domains["cats"]["val_images"] = 1
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"domains": domains, "models": models}))
    plan = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    assert json.loads(plan)["notes"] == []


def test_a_plan_says_why_there_is_none(tmp_path: Path) -> None:
    text = "domains: {a: {path: ~/nowhere, resolution_px: 16}}\nmodels: {a: {domain: a, architecture: {}}}\n"
    (tmp_path / "c.yaml").write_text(text)
    command = [sys.executable, "-m", "stylealign", "plan", "--configfile", tmp_path / "c.yaml"]
    command += ["--directory", tmp_path, "--snakefile", ROOT / "workflow/Snakefile"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    told = f"stylealign plan: snakemake -n failed: domains.a.path: {tmp_path}/nowhere: no such folder or zip\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


@pytest.mark.parametrize("twice", ["train: {kimg: 3}\ntrain: {kimg: 4}", "models: {a: {domain: b}, a: {domain: c}}"])
def test_a_key_that_stands_twice_is_told_alike_everywhere(tmp_path: Path, twice: str) -> None:
    (tmp_path / "c.yaml").write_text(f"{twice}\n")
    own = snakemake(tmp_path, "-n", config=tmp_path / "c.yaml")
    command = [sys.executable, "-m", "stylealign", "plan", "--configfile", tmp_path / "c.yaml"]
    plan = subprocess.run([*command, "--snakefile", ROOT / "workflow/Snakefile"], capture_output=True, text=True)
    assert own.returncode == plan.returncode == 2
    told = plan.stderr.removeprefix("stylealign plan: ")
    assert "stands there already, in line 1; keep one of them" in told
    assert own.stderr.splitlines()[-1] == f"snakemake: {told.strip()}"


def test_a_file_without_domains_changes_the_default_everywhere(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("models: {toon-short: {train: {kimg: 1}}}\nmorphing: {frames: 9}\n")
    counts = planned(snakemake(tmp_path, "-n", config=tmp_path / "c.yaml"))
    command = [sys.executable, "-m", "stylealign", "plan", "--json", "--configfile", tmp_path / "c.yaml"]
    command += ["--directory", tmp_path, "--snakefile", ROOT / "workflow/Snakefile"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["total"]["jobs"] == counts.total() == 174


def test_a_plan_of_a_mistaken_configuration_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("domains: {a: {drew: human}}\nmodels: {}\n")
    files = [ROOT / "config/config.yaml", tmp_path / "c.yaml"]
    command = [sys.executable, "-m", "stylealign", "plan", "--configfile", *files]
    done = subprocess.run([*command, "--snakefile", ROOT / "workflow/Snakefile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().endswith("c.yaml: unknown key 'domains.a.drew'; did you mean 'draw'?")
    assert done.stderr.count("\n") == 1


def test_jobs_ask_for_what_their_size_needs(tmp_path: Path) -> None:
    noted = {}
    for name in ("config", "paper"):
        path = tmp_path / f"{name}.jsonl"
        flags = ("-n", "--logger", "stylealign", "--logger-stylealign-jobs", str(path))
        assert snakemake(tmp_path, *flags, config=ROOT / "config" / f"{name}.yaml").returncode == 0
        for line in path.read_text().splitlines():
            job = json.loads(line)
            noted[(name, job["rule"], *job["wildcards"].values())] = job["resources"]
    small, large = noted["config", "train_child", "toon-short"], noted["paper", "train_child", "mega"]
    church = noted["paper", "train_child", "church"]
    assert small["mem_mb"] < large["mem_mb"] < church["mem_mb"], "training images lie in memory"
    assert small["runtime"] < large["runtime"] <= 2880
    assert noted["config", "invert", "human", "z"]["runtime"] < noted["paper", "invert", "ffhq-1024", "z"]["runtime"]
    assert {resources["gpu"] for resources in noted.values() if "gpu" in resources} == {0, 1}


def test_figures_go_several_to_a_job_of_a_cluster() -> None:
    text = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    profile = yaml.safe_load((ROOT / "workflow" / "profiles" / "slurm" / "config.yaml").read_text())
    grouped = {group.split("=")[0] for group in profile["groups"]}
    assert set(re.findall(r"^rule (figure_\w+):", text, flags=re.MULTILINE)) <= grouped
