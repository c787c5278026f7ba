"""The run on a card, without one: parts that fail, hang or take their process down are lines, and the next ones run."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import gpu
from benchmarks.card import checks, parts
from benchmarks.card.recording import OperationRecording
from benchmarks.card.records import Row, as_json, commit, keep, table

WORKER = """
import json, os, subprocess, sys, time
journal, names = sys.argv[sys.argv.index("--worker") + 1], sys.argv[sys.argv.index("--part") + 1:]
with open(journal, "a") as file:
    def tell(**what):
        print(json.dumps(what), file=file, flush=True)
    for name in names:
        sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
        own = subprocess.Popen(sleeps) if name == "hangs" else None
        tell(begins=name)
        if name == "crashes":
            os._exit(7)
        if name == "hangs":
            tell(row={"part": name, "note": str(own.pid)})
            time.sleep(600)
        tell(row={"part": name, "images_per_s": 2.0, "error": "no memory" if name == "fails" else ""})
        tell(ends=name)
"""
FACTS = {"device": "Some Card", "date": "2026-01-02 03:04", "torch": "2"}


@pytest.fixture
def _worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    popen = gpu.subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        return popen([sys.executable, str(program), *command[3:]], **options)

    monkeypatch.setattr(gpu.subprocess, "Popen", start)
    monkeypatch.setattr(gpu, "LOOK_EVERY_S", 0.01)


def runs(process: int) -> bool:
    """Say whether a process runs; one that has ended may wait for somebody who asks how."""
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.usefixtures("_worker")
def test_every_part_has_its_line_whatever_happens_to_the_one_before(tmp_path: Path) -> None:
    names = ["first", "crashes", "second", "hangs", "fails", "last"]
    limits = dict.fromkeys(names, 100.0) | {"hangs": 0.5}
    rows = gpu.run(names, limits, time.monotonic() + 300, FACTS, tmp_path / "out")
    assert [(row.part, row.error) for row in rows] == [
        ("first", ""),
        ("crashes", "the process ended with 7"),
        ("second", ""),
        ("hangs", ""),
        ("hangs", "stopped at its limit"),
        ("fails", "no memory"),
        ("last", ""),
    ]
    assert not runs(int(rows[3].note)), "what a part has started ends with it"
    kept = json.loads((tmp_path / "out" / "some-card-2026-01-02-0304.json").read_text())
    assert kept["torch"] == "2"
    assert [row["part"] for row in kept["rows"]] == [row.part for row in rows]
    assert "FAILED: no memory" in (tmp_path / "out" / "some-card-2026-01-02-0304.md").read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--minutes", "0"], "--minutes: must be above 0, not 0"),
        (["--minutes", "nan"], "--minutes: must be above 0, not nan"),
        (["--out", "{file}"], "--out: {file}: {file} is no folder; name another place for the results"),
        (["--out", "/proc/x"], "--out: [Errno 2] No such file or directory: '/proc/x'"),
        (["--bad"], "unrecognized arguments: --bad"),
        (["--part", "bad"], "no part 'bad'; there are checks"),
    ],
)
def test_a_bad_flag_is_told_before_anything_is_measured(
    flags: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(sys, "argv", ["gpu", *(flag.format(file=file) for flag in flags)])
    monkeypatch.setattr(gpu, "machine", lambda: (FACTS, {"checks": 1.0}))
    monkeypatch.setattr(gpu, "run", lambda *arguments: pytest.fail("nothing is to be measured"))
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message.format(file=file))


@pytest.mark.usefixtures("_worker")
def test_parts_without_time_say_so(tmp_path: Path) -> None:
    rows = gpu.run(["first"], {"first": 9.0}, time.monotonic() + 1, FACTS, None)
    assert [row.note for row in rows] == ["left out: no time left"]


def test_a_table_has_a_column_for_each_head(tmp_path: Path) -> None:
    rows = [Row("step", "a", "kernels", "half", 1234.5, 0.81, 0.5, 3.21, "a\nnote"), Row("x", error="b")]
    lines = table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[2].split("|")[1:4]] == ["step", "a", "kernels"]
    assert lines[2].endswith("| half      | 1234     | 0.81   | 50 %    | 3.21 | a note    |")
    assert as_json({}, rows)["rows"][1] == {"part": "x", "error": "b"}
    keep(tmp_path, "name", FACTS, rows)
    assert {path.name for path in tmp_path.iterdir()} == {"name.json", "name.md"}


def test_a_run_names_its_commit_and_whether_files_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert commit(tmp_path) == {}

    def git(*words: str) -> None:
        names = ["-c", "user.name=a", "-c", "user.email=b"]
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "file").write_text("a")
    for words in (["init"], ["add", "file"], ["commit", "-m", "first"], ["tag", "v1"]):
        git(*words)
    (found,) = commit(tmp_path).values()
    assert 7 <= len(found) <= 12
    (tmp_path / "file").write_text("b")
    assert commit(tmp_path) == {"commit": f"{found}-dirty"}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(tmp_path) == {}, "no git"


@pytest.mark.parametrize(("kind", "types"), [("cpu", 1), ("cuda", 4)])
def test_every_operation_is_checked_in_every_type_of_a_machine(
    kind: str, types: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "device", lambda: torch.device(kind))
    asked = checks.asked()
    assert {name for name, _ in asked} == {*checks.OPERATIONS, "warp", "step"}
    assert all(sum(name == one for one, _ in asked) == types for name in checks.OPERATIONS)
    assert len(set(asked)) == len(asked)


def test_the_tiny_run_records_every_kind_of_step_and_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed: list[OperationRecording] = []
    replay = OperationRecording.replay

    def noted(recording: OperationRecording) -> None:
        replayed.append(recording)
        replay(recording)

    monkeypatch.setattr(OperationRecording, "replay", noted)
    (row,) = parts.TINY_PARTS["step graphs"].rows(parts.measured_ceilings([]))
    assert not row.error
    assert row.values is not None
    assert row.values["recorded_kinds"] == 3, row.note
    assert row.note.count(": recorded operations: ") == 3
    assert [replayed.count(one) for one in dict.fromkeys(replayed)] == [3, 3, 3], "twice in its test, once measured"


def test_every_measure_of_a_card_is_in_the_tiny_run(monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[tuple[str, bool]] = set()

    def note(name: str) -> Any:
        def measure(*_: Any, recorded: bool = False, **__: Any) -> Iterator[Row]:
            called.add((name, recorded))
            return iter(())

        return measure

    for name in ("ceilings", "step", "inversion", "profile", "kernels", "synthesis"):
        monkeypatch.setattr(parts.timings, name, note(name))
    for name in ("checks", "beside"):
        monkeypatch.setattr(parts, name, note(name))
    found = []
    for kinds in (parts.ON_A_CARD, parts.TINY_PARTS):
        called.clear()
        for part in kinds.values():
            list(part.rows(parts.measured_ceilings([])))
        found.append(set(called))
    assert found[0] == found[1]
    assert ("step", True) in found[0]
