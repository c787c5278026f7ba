"""What a run draws on a terminal: lines for good, and a block beneath them that is drawn anew."""

import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from snakemake_logger_plugin_stylealign.logs import WAITS, last_words, news
from snakemake_logger_plugin_stylealign.progress import Job, Progress, duration
from snakemake_logger_plugin_stylealign.screen import NAME_WIDTH, Reading, Screen, bar, job_line, reading_of, run_line
from snakemake_logger_plugin_stylealign.summary import stopped_lines

SNAKEMAKE = Path(sys.executable).parent / "snakemake"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "stylealign invert: 40 / 160 image steps, 5.9 image steps/s, 19 s left",
            Reading(0.25, 19, "5.9 image steps/s"),
        ),
        ("stylealign encoder: 1 / 4 steps, 1.2e+03 steps/s, 0 s left", Reading(0.25, 0, "1.2e+03 steps/s")),
        ("     6.0 / 24 kimg    83.6 images/s  4 min 10 s left  loss_g 0.98", Reading(0.25, 250, "83.6 images/s")),
        ("0.1 / 0.064 kimg  83.6 images/s  0 min 00 s left", Reading(1.0, 0, "83.6 images/s")),
        ("stylealign figures: 3 / 450 steps, 0.02 steps/s, 6 h 19 min left", Reading(3 / 450, 22740, "0.02 steps/s")),
        ("stylealign figures: 3 / 450 steps, 2 steps/s, nothing is left", Reading(3 / 450, None, "2 steps/s")),
        ("running", None),
        ("3 / 0 steps", None),
        ("reading results/a / b c", None),
    ],
)
def test_the_last_line_of_a_log_tells_how_far_a_job_is(line: str, told: Reading | None) -> None:
    assert reading_of(line) == told


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "running"),
        ('{\n  "path": "a",\n  "parts": [\n    "mapping",\n    1.5e-3,\n    true\n  ]\n}\n', "running"),
        ('{"path": "a"}\n', "running"),
        ('{\n  "path": [\n    -Infinity\n  ]\n}\n', "running"),
        (f'1 of 3 pictures\n{{"a": [{"0, " * 4000}0]}}\n', "1 of 3 pictures"),
        (f'{{"a": [{"0, " * 40000}0]}}\n', "running"),
        ("stylealign gpu-run: waits for a GPU\n", "running"),
        ('stylealign fetch: 3 / 9 MB, 2 MB/s, 3 s left\n{\n  "sha256": null\n}\n', "3 / 9 MB, 2 MB/s, 3 s left"),
        ("0.1 / 24 kimg  83 images/s\n", "0.1 / 24 kimg 83 images/s"),
        ("1 of 3 pictures\n", "1 of 3 pictures"),
        ("[rank0]: RuntimeError: why\n", "[rank0]: RuntimeError: why"),
    ],
)
def test_json_is_no_news_of_a_job(tmp_path: Path, written: str, told: str) -> None:
    log = tmp_path / "a.log"
    assert news(str(log)) == WAITS
    log.write_text(written)
    assert news(str(log)).removeprefix("stylealign fetch: ") == told


@pytest.mark.parametrize(("share", "text"), [(0, "----"), (0.24, "----"), (0.25, "#---"), (0.99, "###-"), (1, "####")])
def test_a_bar_is_full_at_the_end_and_no_earlier(share: float, text: str) -> None:
    assert bar(share, 4, blocks=False) == text
    assert len(bar(share, 4)) == 4


def test_lines_of_the_run_and_of_jobs() -> None:
    assert run_line("[ 3/12]", 0.5, "5 min 0 s", blocks=False) == (
        "[ 3/12] ##########----------  50 %  about 5 min 0 s left"
    )
    assert run_line("[ 3/12]", 0.5, "9 s", failed=2).endswith("about 9 s left, 2 failed")
    far = job_line("train_child robot", "20 s", "6.0 / 24 kimg  83.6 images/s  4 min 10 s left", duration, blocks=False)
    assert " ".join(far.split()) == "train_child robot #####--------------- 25 % 4 min 10 s left 83.6 images/s"
    plain = job_line("coverage robot", "20 s", "running", duration)
    assert " ".join(plain.split()) == "coverage robot 20 s running"
    assert job_line("x" * 90, "20 s", "running", duration).startswith(f"  {'x' * (NAME_WIDTH - 3)}... ")


def test_a_run_that_was_stopped_says_how_far_it_is() -> None:
    progress = Progress()
    assert stopped_lines(*progress.counts()) == []
    progress.plan({"invert": 2})
    assert stopped_lines(*progress.counts()) == []
    progress.start(1, Job("invert", "invert a", []))
    progress.finish(1)
    assert stopped_lines(*progress.counts()) == ["stopped: 1 of 2 jobs are done, the same command goes on"]
    progress.start(2, Job("invert", "invert b", []))
    progress.finish(2)
    assert stopped_lines(*progress.counts()) == []


def test_the_work_of_running_jobs_counts() -> None:
    progress = Progress()
    progress.plan({"train_child": 2})
    progress.start(1, Job("train_child", "train_child a", []))
    assert progress.share() == 0
    assert progress.share([(progress.running()[0], 0.5)]) == pytest.approx(0.25)
    begun = [(progress.running()[0], 0.5)]
    assert progress.time_left_s([(progress.running()[0], 1.0)]) < progress.time_left_s(begun) < progress.time_left_s()
    progress.finish(1)
    assert progress.share() == pytest.approx(0.5)
    progress.plan({})
    assert progress.share() == 1


def shown(text: str) -> list[str]:
    """Return the lines that a terminal shows of what was written to it (the codes that a Screen uses)."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[\d*[A-Z]|\r?\n)", text):
        if part in ("\n", "\r\n"):
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.endswith("F") and part.startswith("\x1b"):
            row -= int(part[2:-1])
            assert row >= 0
        elif part == "\x1b[J":
            lines[row:] = [""]
        else:
            assert not part.startswith("\x1b")
            lines[row] += part
    return [line for line in lines if line]


def test_the_block_is_redrawn_beneath_the_lines() -> None:
    stream, block = io.StringIO(), ["run", "job a", "job b"]
    screen = Screen(stream, lambda: block)
    screen.redraw()
    assert shown(stream.getvalue()) == ["run", "job a", "job b"]
    block.pop()
    screen.print("done b")
    assert shown(stream.getvalue()) == ["done b", "run", "job a"]
    screen.redraw()
    block.clear()
    screen.print("done a")
    assert shown(stream.getvalue()) == ["done b", "done a"]
    block.append("run")
    screen.finish()
    screen.print("the end")
    assert shown(stream.getvalue()) == ["done b", "done a", "the end"]


def test_lines_of_the_block_never_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "10")
    stream = io.StringIO()
    Screen(stream, lambda: ["x" * 200] * 50).redraw()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 8
    assert {len(line) for line in lines} == {59}


def test_a_file_gets_lines_without_codes() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.redraw()
    screen.print("one", "two")
    screen.finish()
    assert stream.getvalue() == "one\ntwo\n"


def run_on_terminal(folder: Path, *arguments: str) -> str:
    """Run Snakemake with a terminal as its stderr; return what it wrote there."""
    master, slave = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30", "PYTHONIOENCODING": "utf-8"}
    written: list[bytes] = []

    def read() -> None:
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                return
            if not part:
                return
            written.append(part)

    command = [SNAKEMAKE, "--cores", "1", "--logger", "stylealign", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        reader = threading.Thread(target=read)
        reader.start()
        process.wait()
    reader.join()
    os.close(master)
    return b"".join(written).decode()


def test_a_run_on_a_terminal_shows_its_jobs_and_leaves_the_results(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "rule tables:\n    input: 'a.txt'\n    output: 'results/tables/all.csv'\n    log: 'one.log'\n"
        "    shell: 'touch {output}'\n"
        "rule a:\n    output: 'a.txt'\n    log: 'a.log'\n    shell: 'touch {output}'\n"
    )
    written = run_on_terminal(tmp_path)
    assert re.search(r"\[0/2\] ░+   0 %  about \d+ s left\r\n  a +\d+ s  ", written)
    lines = shown(written)
    assert not [line for line in lines if "░" in line or " start " in line]
    assert [line[:18] for line in lines if " done " in line] == ["[1/2] done   a in ", "[2/2] done   table"]
    assert "every number:  results/tables/all.csv" in lines


def test_a_failed_job_on_a_terminal_ends_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "rule no:\n    output: 'no'\n    log: 'no.log'\n    shell: 'echo why > {log}; exit 1'\n"
    )
    lines = shown(run_on_terminal(tmp_path))
    assert lines[-2:] == ["1 job failed; once it can be done, the same command goes on:", "  no: why"]
    assert not [line for line in lines if "░" in line]


def test_what_gives_a_job_its_gpu_may_be_why_it_failed() -> None:
    reason = "stylealign gpu-run: /tmp: GPU leases cannot be kept there; set TMPDIR"
    assert last_words([reason]) == reason
    assert last_words([]) == ""


def test_the_reason_of_a_failed_job_is_no_bracket(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "rule no:\n    output: 'no'\n    log: 'no.log'\n    shell: 'printf \"why\\\\n{{\\\\n}}\" > {log}; exit 1'\n"
    )
    assert shown(run_on_terminal(tmp_path))[-1] == "  no: why"
