"""How files reach the disk."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stylealign.files import atomic_path, user_cache


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077], indirect=True)
def test_the_umask_decides_who_may_read_a_file(umask: int, tmp_path: Path) -> None:
    path = tmp_path / "a" / "file.json"
    with atomic_path(path) as temporary:
        temporary.write_text("{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    with atomic_path(path) as temporary:  # a writer that puts a file of its own there, as safetensors does
        temporary.unlink()
        os.close(os.open(temporary, os.O_CREAT, 0o600))
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o777 & ~umask


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_interrupted_leaves_the_older_file_and_nothing_else(error: type, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")

    def write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    path = tmp_path / "new" / "folder" / "file.json"
    with pytest.raises(error):
        write()
    assert [found.name for found in tmp_path.iterdir()] == ["file.json"], "folders that were made for it go, too"


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"STYLEALIGN_CACHE": "c", "XDG_CACHE_HOME": "x", "HOME": "h"}, "c"),
        ({"XDG_CACHE_HOME": "x", "HOME": "h"}, "x/stylealign"),
        ({"HOME": "h"}, "h/.cache/stylealign"),
    ],
)
def test_where_the_cache_is(
    variables: dict[str, str], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STYLEALIGN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    assert user_cache() == tmp_path / folder


def test_a_home_that_cannot_be_made_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLEALIGN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "nobody"))
    assert user_cache() is None


def test_a_user_without_a_home_has_no_cache(homeless: None) -> None:
    assert user_cache() is None


def test_a_user_without_a_home_gets_a_folder_that_passes(
    homeless: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from stylealign.cli.downloads import cache_dir

    with cache_dir(None) as folder:
        (folder / "file").write_text("download")
    assert not folder.exists()
    assert capsys.readouterr().err.count("note: ") == 1
    with cache_dir(str(tmp_path)) as folder:
        assert folder == tmp_path
    assert capsys.readouterr().err == ""


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, and a user that the machine does not know."""
    for name in ("STYLEALIGN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 12345678)


def test_native_operations_work_without_a_home(tmp_path: Path) -> None:
    code = (
        "import os; os.getuid = lambda: 12345678\n"
        "from stylealign.ops.native import build\nprint(build.cpu_library() is not None)"
    )
    hidden = ("HOME", "STYLEALIGN_CACHE", "XDG_CACHE_HOME", "STYLEALIGN_NATIVE")
    variables = {name: value for name, value in os.environ.items() if name not in hidden} | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("note: no home folder to write in")
    assert not list(tmp_path.iterdir())
