"""Completion: the script, asked in a real shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stylealign.cli.main import main
from stylealign.cli.verbs import VERBS


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("builtins.print", lambda text, shell=shell, **_: (folder / shell).write_text(text))
            assert main(["completion", shell]) == 0
    return folder


def completed(script: Path, *words: str) -> list[str]:
    """Return what bash offers for the last of the words of a command."""
    code = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _stylealign; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = ["bash", "-c", code, "bash", str(script), "stylealign", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["inv"], ["invert"]),
        (["tra"], ["train", "translate", "transfer", "track"]),
        (["--v"], ["--version"]),
        (["data", ""], ["draw", "pairs", "import", "fetch"]),
        (["data", "import", "photos", "--res"], ["--resolution-px"]),
        (["data", "import", "--dr"], []),
        (["invert", "--space", "w"], ["w", "w+"]),
        (["invert", "--model", "x.safetensors", "--fit", ""], ["crop", "letterbox", "face"]),
        (["evaluate", "generators", "--sa"], ["--samples"]),
        (["invert", "--model", "some"], []),
        (["info", "inv"], []),
        (["hel"], ["help"]),
        (["help", "inv"], ["invert"]),
        (["help", "data", "imp"], ["import"]),
        (["completion", ""], ["bash", "zsh"]),
    ],
)
def test_bash_offers_what_may_stand_there(scripts: Path, words: list[str], offered: list[str]) -> None:
    assert completed(scripts / "bash", *words) == offered


def test_every_verb_is_offered(scripts: Path) -> None:
    assert completed(scripts / "bash", "") == [*VERBS, "help"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_takes_the_script(scripts: Path) -> None:
    code = f"autoload -Uz compinit; compinit -D; source {scripts / 'zsh'}; which _stylealign"
    assert subprocess.run(["zsh", "-c", code], capture_output=True, text=True, check=True).stderr == ""
