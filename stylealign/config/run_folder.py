"""A run folder: the files that `stylealign init` writes, so that a run needs no checkout of the project."""

from pathlib import Path

from stylealign.config.places import SNAKEFILE, project_root
from stylealign.config.reading import CONFIG, STANDS_ALONE, read_yaml
from stylealign.errors import StyleAlignError, did_you_mean

DEFAULT = "config"
PROFILES = Path("workflow") / "profiles"

_SNAKEFILE = """\
# The workflow of the installed stylealign. Rules of your own may follow; config/config.yaml says what is made.
from stylealign.config import installed_snakefile


include: str(installed_snakefile())


workflow.default_target = "all"  # an included file does not set it
"""

_README = """\
# A run of StyleAlign

`config/config.yaml` says which images, models and tables are made; every key: config/README.md.

```sh
stylealign plan                                  # hours, disk and downloads, before it starts
snakemake                                        # results/tables/all.csv and results/figures/
snakemake --cores 4 -- results/report/report.html   # the same on one page
snakemake --workflow-profile workflow/profiles/slurm   # on a cluster
```

A run that was stopped goes on with the same command, and a changed key makes again only what depends on it.
"""


def installed_snakefile() -> Path:
    """Return the Snakefile of this installation, or of the checkout that the package lies in.

    Raises:
        StyleAlignError: it was not installed with the package.
    """
    return _project() / SNAKEFILE


def configurations() -> dict[str, Path]:
    """Return the configurations that stand alone, by name."""
    found = sorted((_project() / "config").glob("*.yaml"))
    return {path.stem: path for path in found if STANDS_ALONE in read_yaml(path)}


def run_files(configuration: str) -> dict[Path, str]:
    """Return the files of a run folder, by their path in it.

    Raises:
        StyleAlignError: no such configuration.
    """
    known = configurations()
    if configuration not in known:
        near = did_you_mean(configuration, known) or f"; choose one of {', '.join(known)}"
        raise StyleAlignError(f"--config: no {configuration!r}{near}")
    project = _project()
    profiles = sorted((project / PROFILES).glob("*/config.yaml"))
    return {
        SNAKEFILE: _SNAKEFILE,
        CONFIG: known[configuration].read_text(encoding="utf-8"),
        CONFIG.with_name("README.md"): (project / "config" / "README.md").read_text(encoding="utf-8"),
        **{path.relative_to(project): path.read_text(encoding="utf-8") for path in profiles},
        Path("README.md"): _README,
        Path(".gitignore"): ".snakemake/\n/data/\n/results/\n",
    }


def _project() -> Path:
    root = project_root()
    if root is None or not (root / SNAKEFILE).is_file():
        raise StyleAlignError("the workflow was not installed with stylealign; install it from its wheel or checkout")
    return root
