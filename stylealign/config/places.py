"""Where the files lie that belong to the project and to no Python package: known models, workflow, configurations.

In a checkout they are in `data/`, `workflow/` and `config/`; the wheel installs them into `share/stylealign/` of the
environment (`[tool.setuptools.data-files]` in pyproject.toml).
"""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ZOO = Path("data") / "zoo.yaml"
SNAKEFILE = Path("workflow") / "Snakefile"
INSTALLED_ZOO = "zoo.yaml"


def project_root() -> Path | None:
    """Return the folder that has `workflow/` and `config/`: the checkout of this package, else what was installed."""
    candidates = [Path(__file__).resolve().parents[2]]
    with suppress(PackageNotFoundError):
        files = distribution("stylealign").files or []
        candidates += [
            Path(str(file.locate())).resolve().parent
            for file in files
            if file.parts[-2:] == ("stylealign", INSTALLED_ZOO)
        ]
    return next((root for root in candidates if zoo_of(root) is not None), None)


def zoo_of(root: Path) -> Path | None:
    """Return the list of known models of a checkout or of an installation, None where there is none."""
    return next((root / path for path in (ZOO, Path(INSTALLED_ZOO)) if (root / path).is_file()), None)


def known_models(root: Path) -> Path:
    """Return the list of known models of a workflow's folder: its own, else the project's."""
    own = root / ZOO
    project = project_root()
    return own if own.is_file() or project is None else zoo_of(project) or own
