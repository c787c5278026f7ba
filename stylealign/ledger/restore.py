"""Back from the ledger: fetch the bytes, put every file where it was, and tell Snakemake that all is done.

DVC's own checkout empties a folder before it fills it. Here each file is put in its place by itself, whole and checked,
and nothing else is touched.
"""

import shutil
from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, sha256_of_file
from stylealign.installed import release
from stylealign.ledger import manifest as manifests
from stylealign.ledger.dvc import Store, fetch, md5_of_pointer
from stylealign.ledger.groups import named_files, pointer_of
from stylealign.ledger.manifest import OF_ALL_FACES, Manifest, Tracked, compare_configs, some
from stylealign.ledger.workflow import Run, touch, unfinished


def restore(run: Run, verbs: dict[str, int], remote: str | None, force: bool) -> dict[str, Any]:
    """Put back every file of the ledger that is missing.

    Args:
        run: where to.
        verbs: version of the verbs that the rules call now.
        remote: remote to fetch from; None takes the default. It is asked only for what the cache lacks.
        force: replace files that differ from the ledger.

    Returns:
        JSON object: files in the ledger, restored, replaced.

    Raises:
        StyleAlignError: another configuration, a missing pointer or remote, bytes that cannot be had, a file that
            differs, a picture folder that is neither here nor in the ledger. Nothing in the folder has changed then.
            Or work that Snakemake would still do: then all files are back.
    """
    manifest = Manifest.read(run.ledger / manifests.NAME)
    _require_same_run(run, manifest, verbs)
    _require_pointers(run, manifest)
    _require_named_files(run, manifest)
    differences = manifests.compare_files(manifest, run.directory, ())
    if differences.altered and not force:
        raise StyleAlignError(
            f"{some(differences.altered)}: not what the ledger holds, kept as it is; --force replaces it"
        )
    needed = [*differences.missing, *differences.altered]
    if needed:
        _put_back(run, manifest, needed, remote)
    touch(run)
    left = unfinished(run)
    if left is not None:
        raise StyleAlignError(f"all files are back, but Snakemake would still do something: {left}")
    counts = {"restored": len(differences.missing), "replaced": len(differences.altered)}
    return {"files": len(manifest.files), **counts}


def _require_same_run(run: Run, manifest: Manifest, verbs: dict[str, int]) -> None:
    """Check that the present configuration and commands would make what the ledger holds."""
    path = run.ledger / manifests.NAME
    keys = compare_configs(manifest, run.config, str(path))
    if keys:
        raise StyleAlignError(
            f"{run.configfile}: not the configuration of {path} ({some(keys)}); set that back, or give --configfile"
        )
    untold = {OF_ALL_FACES: 1} if OF_ALL_FACES in verbs else {}
    changed = [
        f"stylealign {verb} is version {verbs.get(verb, 'none')} here, {known} in the ledger"
        for verb, known in (untold | manifest.verbs).items()
        if verbs.get(verb) != known
    ]
    if changed:
        raise StyleAlignError(
            f"{path}: made by stylealign {manifest.version}, this is {release('stylealign')} ({some(changed)}); "
            "check out the code of that commit, or run the workflow"
        )


def _require_pointers(run: Run, manifest: Manifest) -> None:
    for name, group in manifest.groups.items():
        pointer = pointer_of(run, name)
        if md5_of_pointer(pointer) != group.md5:
            raise StyleAlignError(
                f"{pointer}: not the pointer that {run.ledger / manifests.NAME} was written with; check out both from "
                "one commit"
            )


def _require_named_files(run: Run, manifest: Manifest) -> None:
    held = {run.directory / name for name in manifest.files}
    held |= {folder for path in held for folder in path.parents}
    for key, path in named_files(run).items():
        if not path.exists() and path not in held:
            raise StyleAlignError(f"{key}: {path} is not here, and the ledger does not hold it; put it there")


def _put_back(run: Run, manifest: Manifest, needed: list[str], remote: str | None) -> None:
    """Fetch what the cache lacks, then write the files; nothing is written unless all of it can be had."""
    store = Store(run.root)
    objects = {name: store.object(manifest.files[name].md5) for name in needed}
    if not all(map(Path.is_file, objects.values())):
        source = store.require_remote(remote)
        complaint = fetch(run.root, [pointer_of(run, name) for name in manifest.groups], source)
        lost = [name for name, path in objects.items() if not path.is_file()]
        if lost:
            because = f" ({complaint})" if complaint else ""
            raise StyleAlignError(
                f"remote {source!r} lacks {some(lost)}: nothing was written, and what it has is in DVC's cache{because}"
                "; push again from where the run was tracked, or name another --remote"
            )
    for name, path in objects.items():
        _write(path, run.directory / name, name, manifest.files[name])


def _write(source: Path, destination: Path, name: str, tracked: Tracked) -> None:
    """Copy an object of the cache to its place, unless its bytes are not those of the manifest."""
    with atomic_path(destination) as temporary:
        shutil.copyfile(source, temporary)
        if sha256_of_file(temporary) != tracked.sha256:
            raise StyleAlignError(
                f"{name}: the copy in DVC's cache is damaged ({source}): nothing was put there; delete that copy and "
                "restore again"
            )
