"""The command line as a whole: light imports, `--version`, and the nearest name for a mistyped one."""

import subprocess
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from stylealign.cli.main import main, parser, verb_module
from stylealign.cli.verbs import VERBS
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
    assert all(f"    {verb}" in text for verb in VERBS)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"stylealign {installed_version('stylealign')}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("trian",), "unknown VERB 'trian'; did you mean 'train'?"),
        (("xyzzy",), "unknown VERB 'xyzzy'; `stylealign --help` lists them"),
        (("data", "imprt", "photos"), "unknown ACTION 'imprt'; did you mean 'import'?"),
        (("evaluate", "zeroshot"), "unknown KIND 'zeroshot'; did you mean 'zero-shot'?"),
        (("tables", "rows.json", "--outdir", "x"), "unknown flag --outdir; did you mean '--out-dir'?"),
        (("data", "draw", "--traim-images=3", "--out-dir", "x"), "unknown flag --traim-images; did you mean '--train"),
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
    assert told in capsys.readouterr().err.splitlines()[-1]


def test_a_command_after_gpu_run_keeps_its_flags() -> None:
    arguments = parser(["gpu-run"]).parse_args(["gpu-run", "-n", "0", "--", "python", "--whatever"])
    assert arguments.command[-2:] == ["python", "--whatever"]
    arguments = parser(["gpu-run"]).parse_args(["gpu-run", "-n", "0", "python", "--whatever"])
    assert arguments.command == ["python", "--whatever"]
