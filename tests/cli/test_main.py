"""The command line as a whole: light imports, `--version`, and the nearest name for a mistyped one."""

import argparse
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from stylealign.cli.completion import subcommands
from stylealign.cli.main import main, parser, verb_module
from stylealign.cli.verbs import GROUPS, VERBS
from stylealign.config import MetricSettings
from stylealign.measurements.registry import KINDS
from stylealign.versions import VERSIONS

HEAVY = ("torch", "numpy", "pydantic", "PIL", "yaml", "matplotlib")


def modules_after(*words: str, cwd: Path) -> set[str]:
    """Return the modules that are loaded at the end of a command."""
    code = (
        "import sys\nfrom stylealign.cli.main import main\n"
        f"try:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("trian",)])
def test_the_command_line_itself_loads_nothing_heavy(words: tuple[str, ...], tmp_path: Path) -> None:
    loaded = modules_after(*words, cwd=tmp_path)
    assert "stylealign.cli.main" in loaded
    assert not loaded & set(HEAVY)


def test_tables_loads_no_torch_and_no_other_verb(tmp_path: Path) -> None:
    loaded = modules_after("tables", "missing.json", "--out-dir", "out", cwd=tmp_path)
    assert "stylealign.cli.tables" in loaded
    assert not loaded & {"torch", "stylealign.cli.train", "stylealign.cli.evaluate"}


def test_each_verb_has_a_module_a_line_of_help_and_a_version() -> None:
    assert [verb for verb in VERBS if verb != "evaluate"] == list(VERSIONS), "its kinds have versions of their own"
    for verb in VERBS:
        assert callable(verb_module(verb).run)
    text = parser().format_help()
    assert all(f"\n  {verb} " in text for verb in VERBS)


def test_every_verb_is_in_one_group() -> None:
    assert sorted(verb for verbs in GROUPS.values() for verb in verbs) == sorted(VERBS)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"stylealign {installed_version('stylealign')}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--verzion",), "unknown flag --verzion; did you mean '--version'?"),
        (("--dir=x", "track"), "stylealign: error: unknown flag --dir (see"),
        (("help", "trian"), "unknown VERB 'trian'; did you mean 'train'?"),
        (("trian",), "unknown VERB 'trian'; did you mean 'train'?"),
        (("xyzzy",), "unknown VERB 'xyzzy' (see `stylealign --help`)"),
        (("data", "imprt", "photos"), "unknown ACTION 'imprt'; did you mean 'import'?"),
        (("evaluate", "zeroshot"), "unknown KIND 'zeroshot'; did you mean 'zero-shot'?"),
        (("tables", "rows.json", "--outdir", "x"), "unknown flag --outdir; did you mean '--out-dir'?"),
        (("data", "draw", "--traim-images=3", "--out-dir", "x"), "unknown flag --traim-images; did you mean '--train"),
        (("blend", "a", "b", "--out", "c", "--schedule", "{}"), "--schedule: is no plain value; give it in --settings"),
        (("plan", "--cores", "0"), "argument --cores: '0' is no whole number from 1 on"),
        (("plan", "--gpus", "-1"), "argument --gpus: '-1' is no whole number from 0 on"),
        (("supervise", "--task", "poses"), "argument --task: unknown value 'poses'; did you mean 'pose'?"),
        (("plan", "--device", "xyzzy"), "argument --device: unknown value 'xyzzy'; choose from auto, cpu, gpu"),
    ],
)
def test_a_mistyped_word_gets_the_nearest(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_command_after_gpu_run_keeps_its_flags() -> None:
    arguments = parser(["gpu-run"]).parse_args(["gpu-run", "-n", "0", "--", "python", "--whatever"])
    assert arguments.command[-2:] == ["python", "--whatever"]
    arguments = parser(["gpu-run"]).parse_args(["gpu-run", "-n", "0", "python", "--whatever"])
    assert arguments.command == ["python", "--whatever"]


@pytest.mark.parametrize(
    ("words", "there", "missing"),
    [
        (("data", "draw"), "--draw", ("--path", "--fetch", "--zoo")),
        (("data", "import"), "--resolution-px", ("--draw", "--path", "--fetch", "--zoo", "--jobs")),
        (("data", "import"), "--val-images", ("--source", "--target", "--pairs")),
        (("data", "fetch"), "--zoo", ("--draw", "--path", "--fetch ", "--jobs")),
        (("evaluate", "generators"), "--samples", ("--pairs", "--curve-images", "--bootstrap")),
        (("evaluate", "alignment-weights"), "--settings", ("--seed", "--samples")),
        (("supervise",), "--epochs", ("--truncation-psi",)),
    ],
)
def test_help_lists_only_what_applies(
    words: tuple[str, ...], there: str, missing: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    text = capsys.readouterr().out
    assert there in text
    assert not [flag for flag in missing if f"{flag} " in text]


def test_flags_of_a_kind_of_measurement_are_its_settings() -> None:
    evaluate = dict(subcommands(dict(subcommands(parser(["evaluate"])))["evaluate"]))
    for kind in KINDS:
        own = evaluate[kind.command]
        flags = {*own._option_string_actions, *own.only_in_settings}  # some are no plain values
        asked = {name for name in MetricSettings.model_fields if f"--{name.replace('_', '-')}" in flags}
        assert asked == set(kind.settings), kind.name


def test_help_shows_the_choices_of_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    for words, choices in (("invert", "--space {z,z+,w,w+,s}"), ("train", "--preset {paper256,paper512,")):
        with pytest.raises(SystemExit):
            main([words, "--help"])
        assert choices in capsys.readouterr().out


def test_no_help_shows_what_python_calls_a_value() -> None:
    def texts(command: argparse.ArgumentParser) -> Iterator[str]:
        yield command.format_help()
        for _, sub in subcommands(command):
            yield from texts(sub)

    whole = parser(list(VERBS))
    helps = list(texts(whole))
    assert len(helps) > len(VERBS)
    for text in helps:
        assert not [word for word in ("Undefined", "Default: None", "<class", "object at 0x") if word in text], text
    pairs = dict(subcommands(dict(subcommands(whole))["data"]))["pairs"]
    assert "it may be the same one. Needed, here or in --settings." in " ".join(pairs.format_help().split())


def test_help_is_a_word_too_and_no_word_gets_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["help", "tables"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: stylealign tables")
    assert main([]) == 2
    assert "\n  invert " in capsys.readouterr().err


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["generate", "model.safetensors", f"--truncation-psi={number}", "--grid", "g.png"])
    assert end.value.code == 2
    assert f"{number!r} is not a finite number" in capsys.readouterr().err
    assert main(["train", "--data", "d.zip", "--run-dir", "r", "--out-dir", "o", f"--kimg={number}"]) == 2
    assert "kimg: Input should be a finite number" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [2**32, -1])
def test_every_verb_says_which_seeds_there_are(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--model", "m", "--data", "d", "--child-name", "c", "--out", "o"]
    for words in (["evaluate", "generators", *files], ["data", "draw", "--draw", "human", "--out-dir", "o"]):
        assert main([*words, f"--seed={seed}"]) == 2
        assert f": seed: Input should be {'less' if seed > 0 else 'greater'} than" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seeds", "told"), [("0-1000000000", "more than 1000000 seeds"), ("4294967296", "a seed is less than 2^32")]
)
def test_too_many_or_too_large_seeds_are_one_line(seeds: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["generate", "model.safetensors", "--seeds", seeds, "--grid", "g.png"])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.ENOTDIR, errno.EMFILE])
def test_what_the_system_says_of_a_file_is_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(arguments: object) -> None:
        raise OSError(number, os.strerror(number), "results/a\nb")

    monkeypatch.setattr("stylealign.cli.tables.run", fails)
    assert main(["tables", "rows.json", "--out-dir", "out"]) == 2
    assert capsys.readouterr().err == f"stylealign tables: results/a\\nb: {os.strerror(number)}\n"


def test_a_full_disk_is_one_line_without_a_name_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(arguments: object) -> None:
        with open("/dev/full", "a") as file:
            file.write("a line")

    monkeypatch.setattr("stylealign.cli.tables.run", fails)
    assert main(["tables", "rows.json", "--out-dir", "out"]) == 2
    assert capsys.readouterr().err == f"stylealign tables: a file: {os.strerror(errno.ENOSPC)}\n"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 1.00 TiB for an array"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 15 TB\nmore"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
    ],
)
def test_running_out_of_memory_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(arguments: object) -> None:
        raise error

    monkeypatch.setattr("stylealign.cli.tables.run", fails)
    assert main(["tables", "rows.json", "--out-dir", "out"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("stylealign tables: out of memory; take fewer or smaller images at once (")


def test_another_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(arguments: object) -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr("stylealign.cli.tables.run", fails)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        main(["tables", "rows.json", "--out-dir", "out"])


def test_a_list_that_has_a_flag_of_its_own_is_taken() -> None:
    words = ["train", "--data", "d", "--run-dir", "r", "--out-dir", "o", "--train-only", "affine", "torgb"]
    assert parser(["train"]).parse_args(words).setting_train_only == ["affine", "torgb"]
