"""`stylealign track`: record what a finished run made, for DVC to keep and for git to name."""

import argparse
import json
import os
import sys
from pathlib import Path

from stylealign.errors import StyleAlignError
from stylealign.experiment.identity import ALL_FACES
from stylealign.ledger.dvc import Store, require_dvc
from stylealign.ledger.manifest import OF_ALL_FACES, some
from stylealign.ledger.track import check, push, track
from stylealign.ledger.workflow import find_run, workflow_kinds, workflow_verbs
from stylealign.measurements import registry
from stylealign.versions import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_run(parser)
    parser.add_argument(
        "--push",
        nargs="?",
        const="",
        metavar="REMOTE",
        help="also bring the bytes to a DVC remote (default: DVC's default remote)",
    )
    parser.add_argument(
        "--check", action="store_true", help="track nothing: compare all files with the ledger, and fail if one differs"
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a run, as Snakemake has them."""
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder of the run, as for Snakemake (default: this one)",
    )
    parser.add_argument(
        "--configfile",
        type=Path,
        metavar="YAML",
        help="configuration of the run, as for Snakemake (default: config/config.yaml)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Track, or check; print counts as JSON."""
    if arguments.check and arguments.push is not None:
        raise StyleAlignError("--check: tracks nothing, so there is nothing to --push; give only one of them")
    this_run = find_run(arguments.directory, arguments.configfile)
    if arguments.check:
        print(json.dumps(check(this_run)))
        return
    require_dvc()
    store = Store(this_run.root)
    remote = None if arguments.push is None else store.require_remote(arguments.push or None)  # before the long work
    manifest, changed = track(this_run, versions(this_run), store)
    ledger = os.path.relpath(this_run.ledger)
    counts = {"groups": len(manifest.groups), "files": len(manifest.files)}
    result = {"ledger": ledger, **counts, "bytes": sum(file.bytes for file in manifest.files.values())}
    if remote is not None:
        push(this_run, manifest, remote)
        result["pushed_to"] = remote
    if changed:
        print(f"stylealign track: changed since they were tracked: {some(changed)}", file=sys.stderr)
    print(f"stylealign track: next, `git add {ledger} && git commit`", file=sys.stderr)
    print(json.dumps(result))


def versions(this_run) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """Return the version of each verb and each kind of measurement that the rules of a run call, and of its data sets
    of all faces where it has some."""
    kinds = map(registry.kind, workflow_kinds(this_run))
    measured = {f"evaluate {kind.command}": kind.version for kind in kinds}
    of_faces = any(domain.takes_all_faces for domain in this_run.config.domains.values())
    own = {OF_ALL_FACES: ALL_FACES} if of_faces else {}
    return {verb: version(verb) for verb in workflow_verbs(this_run)} | measured | own
