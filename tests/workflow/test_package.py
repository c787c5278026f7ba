"""The wheel and the sdist: what they install works in an empty folder, without the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.workflow


def ran(command: list[str | Path], folder: Path) -> str:
    """Return what a command wrote on stdout, in a folder, without this checkout on the path."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "STYLEALIGN_ZOO")}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel that was built from the sdist, which was built from the files of the repository."""
    folder = tmp_path_factory.mktemp("dist")
    copy = folder / "checkout"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).symlink_to(ROOT / name)
    # Without --wheel or --sdist the wheel is built from the sdist: what it lacks is missing here.
    ran([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, copy], folder)
    assert len(list(folder.glob("stylealign-*.tar.gz"))) == 1
    return next(folder.glob("stylealign-*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with the wheel; its other packages are those of this one."""
    place = tmp_path_factory.mktemp("environment")
    ran([sys.executable, "-m", "venv", "--without-pip", place], place)
    python = place / "bin" / "python"
    own = ran([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], place).strip()
    # A path entry: .pth files of that folder, such as this checkout's, do not count.
    (Path(own) / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    ran([python, "-m", "pip", "install", "--no-deps", "--no-index", "--ignore-installed", wheel], place)
    (place / "bin" / "snakemake").write_text(f"#!{python}\nfrom snakemake.cli import main\nmain()\n")
    (place / "bin" / "snakemake").chmod(0o755)
    return place / "bin"


def test_the_wheel_holds_what_the_checkout_has(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = {name.partition("/data/share/stylealign/")[2] for name in file.namelist()}
        assert "stylealign/explore/page.css" in file.namelist()
    for pattern, start in (("data/zoo/*.safetensors", "data/"), ("workflow/**/*.*", ""), ("config/*.yaml", "")):
        for path in ROOT.glob(pattern):
            assert str(path.relative_to(ROOT / start)) in names, path
    assert {"zoo.yaml", "workflow/Snakefile"} <= names


def test_fetch_and_a_run_in_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    stylealign = programs / "stylealign"
    assert ran([programs / "python", "-c", "import stylealign; print(stylealign.__file__)"], tmp_path).startswith(
        str(programs.parent)
    )
    fetched = json.loads(ran([stylealign, "fetch", "human-64-a", "--out", "parent.safetensors"], tmp_path))
    assert fetched["path"] == "parent.safetensors"
    ran([stylealign, "init", "run", "--config", "tiny"], tmp_path)
    assert "CPU-hours" in ran([stylealign, "plan"], tmp_path / "run")
    target = "results/models/animal/model.safetensors"
    ran([programs / "snakemake", "--cores", "1", "--", target], tmp_path / "run")
    assert (tmp_path / "run" / target).is_file()
    ran([stylealign, "init", "default"], tmp_path)
    ran([programs / "snakemake", "--cores", "1", "--", "results/models/human/model.safetensors"], tmp_path / "default")
