"""After a run: a pointer for each group, the bytes in DVC's cache, and the manifest."""

from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_file
from stylealign.installed import release
from stylealign.ledger import manifest as manifests
from stylealign.ledger.dvc import Store, dvc, md5_of_pointer, write_pointer
from stylealign.ledger.groups import groups_of, pointer_of
from stylealign.ledger.manifest import Group, Manifest, Tracked
from stylealign.ledger.workflow import Run, unfinished

EPHEMERAL = (".snakemake_timestamp",)


def track(run: Run, verbs: dict[str, int], store: Store) -> tuple[Manifest, list[str]]:
    """Track what a finished run made.

    Args:
        run: the run.
        verbs: version of the verbs that its rules call.
        store: DVC's.

    Returns:
        The manifest that was written, and the files that have other bytes than the ledger before it held.

    Raises:
        StyleAlignError: Snakemake would still do something, or DVC failed.
    """
    left = unfinished(run)
    if left is not None:
        raise StyleAlignError(
            f"{run.directory}: not what {run.configfile} gives; Snakemake would still do something ({left}); "
            "run it first"
        )
    groups = groups_of(run)
    if not groups:
        raise StyleAlignError(f"{run.directory}: has no results; run `snakemake` first, or give --directory")
    pointers = {name: pointer_of(run, name) for name in groups}
    for name, path in groups.items():
        write_pointer(pointers[name], run.directory, path)
    # Plain `dvc commit` may replace files by links to its cache, and a file that changed its time is made again.
    dvc(run.root, "commit", "--force", "--no-relink", *pointers.values())
    tracked = {name: Group(path, md5_of_pointer(pointers[name])) for name, path in groups.items()}
    objects = {name: md5 for group in tracked.values() for name, md5 in store.tree(group.md5, group.path).items()}
    files = {name: _tracked(run.directory / name, md5) for name, md5 in sorted(objects.items())}
    manifest = Manifest(release("stylealign"), verbs, manifests.config_values(run.config), tracked, files)
    changed = _replace_earlier(run, manifest)
    manifest.write(run.ledger / manifests.NAME)
    return manifest, changed


def _tracked(path: Path, md5: str) -> Tracked:
    return Tracked(sha256_of_file(path), md5, path.stat().st_size)


def _replace_earlier(run: Run, manifest: Manifest) -> list[str]:
    """Delete the pointers of groups that are no more (git still has them); return the files that changed."""
    path = run.ledger / manifests.NAME
    if not path.is_file():
        return []
    earlier = Manifest.read(path)
    for name in earlier.groups.keys() - manifest.groups.keys():
        pointer_of(run, name).unlink(missing_ok=True)
    return [name for name, file in manifest.files.items() if earlier.files.get(name, file).sha256 != file.sha256]


def push(run: Run, manifest: Manifest, remote: str) -> None:
    """Bring the tracked bytes to a remote.

    Raises:
        StyleAlignError: it cannot be written.
    """
    dvc(run.root, "push", "--remote", remote, *(pointer_of(run, group) for group in manifest.groups))


def check(run: Run) -> dict[str, Any]:
    """Compare the run with the ledger, without DVC; return what was compared.

    Raises:
        StyleAlignError: a file is altered, missing or new, or the configuration is another one.
    """
    path = run.ledger / manifests.NAME
    manifest = Manifest.read(path)
    keys = manifests.compare_configs(manifest, run.config, str(path))
    if keys:
        raise StyleAlignError(f"{run.configfile}: differs from {path}: {manifests.some(keys)}")
    found = manifests.compare_files(manifest, run.directory, present_files(run))
    if found:
        raise StyleAlignError(f"{run.directory} differs from {path}: {found}")
    return {"files": len(manifest.files), "bytes": sum(file.bytes for file in manifest.files.values())}


def present_files(run: Run) -> list[str]:
    """Return the files of the groups that are there, relative to the folder of the run."""
    names = []
    for path in groups_of(run).values():
        root = run.directory / path
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        names += [
            file.relative_to(run.directory).as_posix()
            for file in files
            if file.is_file() and file.name not in EPHEMERAL
        ]
    return names
