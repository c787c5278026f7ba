"""The logger plugin: repaired arguments, progress, and where the results are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from snakemake_logger_plugin_stylealign.arguments import is_snakemake_command, separate_targets
from snakemake_logger_plugin_stylealign.checks import problem_of
from snakemake_logger_plugin_stylealign.progress import DEFAULT_WEIGHT_S, WEIGHT_S, Job, Progress, duration
from snakemake_logger_plugin_stylealign.summary import chain_lines, failure_lines, summary_lines
from tests.workflow.snakemake import snakemake

SNAKEMAKE = Path(sys.executable).parent / "snakemake"
NO_FILE = "No such file or directory"
RULES = Path(__file__).parents[2] / "workflow" / "rules"


@pytest.mark.parametrize(
    ("given", "repaired"),
    [
        ("--cores 8 --resources gpu=4 all.csv", "--cores 8 --resources gpu=4 -- all.csv"),
        ("--resources gpu=4 mem_mb=9 a b", "--resources gpu=4 mem_mb=9 -- a b"),
        ("--res gpu=4 all.csv", "--res gpu=4 -- all.csv"),
        ("--resources gpu=4 all.csv --cores 8", "--resources gpu=4 --cores 8 -- all.csv"),
        ("--resources gpu=4 a -n -- b", "--resources gpu=4 -n -- a b"),
    ],
)
def test_targets_behind_resources_go_behind_two_dashes(given: str, repaired: str) -> None:
    assert separate_targets(given.split()) == repaired.split()


@pytest.mark.parametrize(
    "given",
    [
        "",
        "all.csv --cores 8 --resources gpu=4",
        "--cores 8 --resources gpu=4 -- all.csv",
        "--resources gpu=4 --cores 8 all.csv",
        "--set-resources train:gpu=1 all.csv",
        "--resources gpu=4 odd=name.csv",
        "--resources all.csv",
        "--resources all.csv gpu=4",
        "-- --resources gpu=4 all.csv",
    ],
)
def test_other_arguments_stay_as_they_are(given: str) -> None:
    assert separate_targets(given.split()) == given.split()


@pytest.mark.parametrize(
    ("argv", "ours"),
    [
        (["/env/bin/snakemake", "-n"], True),
        (["/env/lib/site-packages/snakemake/__main__.py"], True),
        (["/env/bin/pytest", "--resources", "gpu=4", "x"], False),
        (["-c"], False),
        ([], False),
    ],
)
def test_only_snakemakes_own_command_line_is_touched(argv: list[str], ours: bool) -> None:
    assert is_snakemake_command(argv) is ours


def test_importing_the_plugin_elsewhere_leaves_the_arguments_alone() -> None:
    code = "import sys, snakemake_logger_plugin_stylealign; print(sys.argv[1:])"
    command = [sys.executable, "-c", code, "--resources", "gpu=4", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['--resources', 'gpu=4', 'x']"


@pytest.fixture
def small_workflow(tmp_path: Path) -> Path:
    """A workflow with the targets of the real one, made of `touch`."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").write_text(
        "rule tables:\n    output: 'results/tables/all.csv'\n    log: 'one.log'\n    resources: gpu=4\n"
        "    shell: 'echo {resources.gpu} > {output}'\n"
        "rule broken:\n    output: 'no.txt'\n    log: 'broken.log'\n    shell: 'echo the reason > {log}; exit 1'\n"
    )
    return tmp_path


@pytest.mark.parametrize("program", [[str(SNAKEMAKE)], [sys.executable, "-m", "snakemake"]])
def test_the_literal_command_works(small_workflow: Path, program: list[str]) -> None:
    command = [*program, "--cores", "8", "--resources", "gpu=4", "results/tables/all.csv"]
    done = subprocess.run(command, cwd=small_workflow, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (small_workflow / "results/tables/all.csv").read_text() == "4\n"


def test_a_run_tells_its_progress_and_where_the_results_are(small_workflow: Path) -> None:
    command = [SNAKEMAKE, "--cores", "1", "--resources", "gpu=4", "--logger", "stylealign"]
    first = subprocess.run(command, cwd=small_workflow, capture_output=True, text=True, check=True)
    assert "[0/1] start  tables" in first.stderr
    assert "[1/1] done   tables in " in first.stderr
    assert "every number:  results/tables/all.csv" in first.stderr
    second = subprocess.run(command, cwd=small_workflow, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in second.stderr
    assert "every number:  results/tables/all.csv" in second.stderr
    assert "report page:" not in first.stderr + second.stderr, "there is none"


def test_a_failed_job_shows_the_end_of_its_log_and_no_results(small_workflow: Path) -> None:
    command = [SNAKEMAKE, "--cores", "1", "--logger", "stylealign", "--", "no.txt"]
    done = subprocess.run(command, cwd=small_workflow, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FAILED broken; its log: broken.log\n    the reason" in done.stderr
    assert "every number" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.rstrip().endswith(
        "1 job failed; once it can be done, the same command goes on:\n  broken: the reason"
    )


def test_the_closing_lines_name_tables_summary_and_figures(tmp_path: Path) -> None:
    assert summary_lines(tmp_path) == []
    for name, text in {"tables/all.csv": "", "tables/summary.md": "| a |\n", "figures/samples.png": ""}.items():
        (tmp_path / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / name).write_text(text)
    lines = summary_lines(tmp_path)
    assert "| a |" in lines
    assert any("results/figures/: samples.png" in line for line in lines)


def test_of_a_long_summary_a_first_look_is_shown(tmp_path: Path) -> None:
    tables = tmp_path / "results" / "tables"
    tables.mkdir(parents=True)
    (tables / "all.csv").write_text("")
    rows = [f"| generators | fid | {method} | {value} |" for value, method in enumerate(["child", *["ladder"] * 40])]
    (tables / "summary.md").write_text(
        "\n".join(["| table | metric | method | toon |", "| --- | --- | --- | --- |", *rows])
    )
    lines = summary_lines(tmp_path)
    assert [line for line in lines if line.startswith("| gen")] == [rows[0]]
    assert "40 more rows: results/tables/summary.md" in lines
    (tables / "summary.md").write_text("\n".join(["| a |", "| - |", *rows[:40]]))
    assert len([line for line in summary_lines(tmp_path) if line.startswith("| gen")]) == 40


def test_time_left_follows_the_weights_of_the_jobs() -> None:
    progress = Progress()
    assert not progress.is_complete()
    progress.plan({"train_child": 2, "tables": 1})
    before = progress.time_left_s()
    progress.start(1, Job("train_child", "train_child mosaic", []))
    assert [job.name for job in progress.running()] == ["train_child mosaic"]
    progress.finish(1)
    assert 0 <= progress.time_left_s() < before
    assert progress.head() == "[1/3]"
    for job, rule in ((2, "train_child"), (3, "tables")):
        progress.start(job, Job(rule, rule, []))
        progress.finish(job)
    assert progress.is_complete()
    assert progress.time_left_s() == 0
    assert progress.makes("tables")
    assert not progress.makes("invert"), "a run that was not asked for tables does not announce them"


def test_time_left_begins_with_all_cores_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    progress = Progress()
    progress.cores = 2
    progress.plan({"train_child": 10, "tables": 10})
    whole = 10 * (WEIGHT_S["train_child"] + DEFAULT_WEIGHT_S) / 2
    assert progress.time_left_s() == pytest.approx(whole)
    progress.start(1, Job("tables", "tables", []))
    clock[0] = 4 * DEFAULT_WEIGHT_S  # a short job that takes four times as long says little of all others
    progress.finish(1)
    assert whole < progress.time_left_s() < 2 * whole
    progress.start(2, Job("train_child", "train_child", []))
    clock[0] = 100 * whole
    progress.finish(2)
    assert progress.time_left_s() > 100 * whole, "in the end the run's own pace counts"


def test_every_weighed_rule_exists() -> None:
    text = "".join(path.read_text() for path in RULES.glob("*.smk"))
    assert [rule for rule in WEIGHT_S if not re.search(rf"^\s*(rule|use rule \w+ as) {rule}\b", text, re.M)] == []


@pytest.mark.parametrize(("seconds", "text"), [(9.4, "9 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_every_failed_job_is_named_once_more_at_the_end() -> None:
    assert failure_lines({}) == []
    assert failure_lines({"a": "one", "b x": "two"})[1:] == [
        "2 jobs failed; once they can be done, the same command goes on:",
        "  a: one",
        "  b x: two",
    ]


def test_a_configuration_in_another_encoding_is_told_before_snakemake_reads_it(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("a: ü\n", encoding="utf-8")
    bad.write_bytes("a: 1\nb: ü\n".encode("latin-1"))
    told = f"{bad}: line 2 is not UTF-8; save the file in that encoding"
    assert problem_of(["-n", "--configfile", str(good), "--cores", "1"]) is None
    assert problem_of(["-n", "--configfile", str(good), str(bad)]) == told
    assert problem_of([f"--configfile={bad}", "--", "x"]) == told
    assert problem_of(["--", "--configfile", str(bad)]) is None
    target = ["--configfile", str(good), "results/front/all.csv"]
    assert problem_of(target) == f"--configfile: results/front/all.csv: {NO_FILE}; write -- before targets"
    assert problem_of([*target[:2], "--", target[2]]) is None
    assert problem_of(["--configfile", str(tmp_path / "none")]) == f"--configfile: {tmp_path / 'none'}: {NO_FILE}"
    done = subprocess.run([SNAKEMAKE, "-n", "--configfile", bad], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"snakemake: {told}\n")


def test_a_folder_that_may_only_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem_of(["--directory", str(tmp_path / "a" / "b")]) is None
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    told = f"{tmp_path}: cannot be written to; give --directory a folder of your own"
    assert problem_of(["--directory", str(tmp_path / "a" / "b")]) == told
    assert problem_of(["-d", str(tmp_path)]) == told
    assert problem_of(["--lint", "-d", str(tmp_path)]) is None
    monkeypatch.chdir(tmp_path)
    assert problem_of([]) == told


def test_the_end_of_a_run_names_its_longest_chain() -> None:
    def done(name: str, took_s: float, inputs: list[str], outputs: list[str]) -> Job:
        return Job(name.split()[0], name, [], inputs, outputs, took_s=took_s)

    jobs = [
        done("draw_domain toon", 40.0, [], ["toon.zip"]),
        done("draw_domain robot", 260.0, [], ["robot.zip"]),
        done("train_child toon", 250.0, ["toon.zip", "parent.model"], ["toon.model"]),
    ]
    told = "longest chain: 4 min 50 s, however many cores: draw_domain toon (40 s) > train_child toon (4 min 10 s)"
    assert chain_lines(jobs) == [told]
    assert chain_lines(jobs[:2]) == chain_lines([]) == []


def test_a_run_whose_job_was_tried_again_ends_as_any_other(tmp_path: Path) -> None:
    shell = "test -e once || (touch once; exit 1); touch done"
    (tmp_path / "Snakefile").write_text(f"rule tables:\n    output: 'done'\n    retries: 1\n    shell: '{shell}'\n")
    (tmp_path / "results/tables").mkdir(parents=True)
    (tmp_path / "results/tables/all.csv").write_text("table\n")
    done = snakemake(tmp_path, "--cores", "1", "--logger", "stylealign", snakefile=tmp_path / "Snakefile")
    assert done.returncode == 0
    assert "FAILED tables" in done.stderr
    assert "every number:  results/tables/all.csv" in done.stderr
