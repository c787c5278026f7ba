"""`stylealign evaluate KIND`: measure one group of rows of a table and write them with their provenance."""

import argparse
import json
from pathlib import Path

from stylealign.cli.arguments import add_settings, labelled_file, settings_from
from stylealign.config import MetricSettings, Task
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
from stylealign.metrics.rows import write_rows
from stylealign.provenance import provenance_of
from stylealign.versions import version

KINDS = {
    "generators": "FID, KID, precision and recall of a generator against the training images of a domain",
    "coverage": "spread of the poses and frequencies of the attributes in a generator's samples against a domain's",
    "inversion": "distance between test images and their reconstructions",
    "translation": "FID, KID and diversity of translated images, and how much of the source's structure they keep",
    "morphing": "the numbers that `stylealign morph` measured, as rows, and the KID of the middle frames",
    "zero-shot": "label networks on annotated test images",
    "alignment-weights": "how far each component of a child moved from its parent",
    "alignment-reset": "quality of a child with one component's weights set back to its parent's",
    "alignment-pointwise": "how alike parent and child draw the same latents",
    "curve": "quality and alignment of a child after each number of kimg that `stylealign train` kept",
}


STRUCTURE = {"keypoints": "keypoint_error", "pose": "rotation_error", "segmentation": "segmentation_agreement"}
"""Tasks of the label networks that measure what a translation keeps, with their metric."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each kind of measurement."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, text in KINDS.items():
        sub = kinds.add_parser(kind, help=text, description=text)
        _add_labels(sub, one_method=kind not in ("translation", "zero-shot"))
        _FLAGS[kind](sub)
        add_settings(sub, MetricSettings)


def _add_labels(parser: argparse.ArgumentParser, one_method: bool) -> None:
    """Add what every kind takes: the labels of the rows, and where they go."""
    parser.add_argument("--out", required=True, metavar="JSON", help="file the rows are written to")
    parser.add_argument("--parent-name", default="", help="text of the rows' `parent` column")
    parser.add_argument("--child-name", required=True, help="text of the rows' `child` column: the domain measured")
    if one_method:
        parser.add_argument("--method", default="", help="text of the rows' `method` column")
    parser.add_argument(
        "--setting", default="", help="text of the rows' `setting` column, after what the kind puts there"
    )


def _generators_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="model whose samples are scored")
    parser.add_argument("--data", required=True, metavar="ZIP", help="training images of the domain")


def _coverage_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="model whose samples are measured; left out: the test images are, to compare")
    parser.add_argument("--data", required=True, metavar="ZIP", help="training images of the domain")
    parser.add_argument("--test-data", required=True, metavar="ZIP", help="test images of the domain")
    parser.add_argument("--annotations", required=True, metavar="NPZ", help="annotations of the test images, which say "
                        "what the attribute network can tell")  # fmt: skip
    parser.add_argument("--pose", required=True, metavar="NET", help="pose network of the domain")
    parser.add_argument("--attributes", required=True, metavar="NET", help="attribute network of the domain")


def _inversion_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--codes", required=True, metavar="NPZ", help="codes.npz of `stylealign invert`")
    parser.add_argument(
        "--reconstructions", required=True, metavar="ZIP", help="reconstructions.zip of `stylealign invert`"
    )
    parser.add_argument("--metrics", required=True, metavar="JSON", help="metrics.json of `stylealign invert`")
    parser.add_argument("--data", required=True, metavar="ZIP", help="the images that were inverted")
    timing = "timing.json of `stylealign invert`: adds images_per_s, another number at every run"
    parser.add_argument("--timing", metavar="JSON", help=timing)


def _translation_flags(parser: argparse.ArgumentParser) -> None:
    rows = (
        "images.zip of `stylealign translate`, or any samples of as many outputs for each source; the label goes into "
    )
    rows += "the `method` column, what follows a / into `setting` (unaligned/w+=...)"
    parser.add_argument("rows", nargs="+", type=labelled_file, metavar="METHOD[/SETTING]=ZIP", help=rows)
    parser.add_argument("--untouched", action="store_true", help="add the sources as they are, as method `untouched`")
    parser.add_argument("--source-data", required=True, metavar="ZIP", help="images the sources are among (test split)")
    parser.add_argument("--target-data", required=True, metavar="ZIP", help="test images of the target (setting `cut`)")
    parser.add_argument("--target-train", metavar="ZIP", help="training images of the target (setting `stargan-v2`)")
    for task, metric in STRUCTURE.items():
        for role in ("source", "target"):
            parser.add_argument(
                f"--{role}-{task}", metavar="NET", help=f"{task} network of the {role} domain ({metric})"
            )


def _morphing_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics", required=True, metavar="JSON", help="metrics.json of `stylealign morph`; "
                        "--method, where given, keeps that method's rows only")  # fmt: skip
    parser.add_argument("--middle", metavar="ZIP", help="middle.zip of `stylealign morph`: adds their KID")
    for role in ("source", "target"):
        parser.add_argument(f"--{role}-data", metavar="ZIP", help=f"test images of the {role}'s domain (with --middle)")


def _zero_shot_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", required=True, choices=Task.__args__, help="task of the network")  # type: ignore[attr-defined]
    rows = "network of `stylealign supervise` or `transfer`; the label goes into the `method` column, what follows a /"
    parser.add_argument(
        "rows", nargs="+", type=labelled_file, metavar="METHOD[/SETTING]=NET", help=f"{rows} into `setting`"
    )
    parser.add_argument("--data", required=True, metavar="ZIP", help="test images of the domain")
    parser.add_argument("--annotations", required=True, metavar="NPZ", help="annotations of the test images")


def _alignment_weights_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", required=True, metavar="MODEL", help="the parent")
    parser.add_argument("--child", required=True, metavar="MODEL", help="the child")


def _alignment_reset_flags(parser: argparse.ArgumentParser) -> None:
    _alignment_weights_flags(parser)
    parser.add_argument("--data", required=True, metavar="ZIP", help="training images of the child's domain")


def _alignment_pointwise_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", required=True, metavar="MODEL", help="the parent")
    parser.add_argument("--child", required=True, metavar="MODEL", help="the child, or an unaligned control")
    _network_flags(parser)
    parser.add_argument("--shuffled", action="store_true", help="add the rows of unequal latents, method `shuffled`")


def _curve_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", required=True, metavar="MODEL", help="the parent the snapshots are compared with")
    parser.add_argument("--snapshots", required=True, metavar="ZIP", help="snapshots.zip of `stylealign train`")
    parser.add_argument("--data", required=True, metavar="ZIP", help="training images of the child's domain")
    _network_flags(parser)


def _network_flags(parser: argparse.ArgumentParser) -> None:
    for task in Task.__args__:  # type: ignore[attr-defined]
        for role in ("parent", "child"):
            parser.add_argument(f"--{role}-{task}", metavar="NET", help=f"{task} network of the {role}'s domain")


_FLAGS = {
    "generators": _generators_flags,
    "coverage": _coverage_flags,
    "inversion": _inversion_flags,
    "translation": _translation_flags,
    "morphing": _morphing_flags,
    "zero-shot": _zero_shot_flags,
    "alignment-weights": _alignment_weights_flags,
    "alignment-reset": _alignment_reset_flags,
    "alignment-pointwise": _alignment_pointwise_flags,
    "curve": _curve_flags,
}


def _files_by_label(rows: list[tuple[str, Path]]) -> dict[str, Path]:
    labels = [label for label, _ in rows]
    for label in labels:
        if labels.count(label) > 1:
            raise StyleAlignError(f"{label}: given {labels.count(label)} times; tell them apart, as {label}/NAME=FILE")
    return dict(rows)


def run(arguments: argparse.Namespace) -> None:
    """Measure, write the rows, and print them as JSON: method, metric and setting -> value."""
    settings = settings_from(arguments, MetricSettings)
    require_writable(arguments.out)
    files = {flag: getattr(arguments, flag.replace("-", "_")) for flag in _FILES[arguments.kind]}
    files |= _files_by_label(getattr(arguments, "rows", []))
    files["weights"] = _downloaded_weights(arguments.kind, settings)
    provenance = provenance_of(f"evaluate {arguments.kind}", version("evaluate"), settings, files)

    from stylealign.cli.measurements import MEASURE

    rows, facts = MEASURE[arguments.kind](arguments, settings)
    write_rows(arguments.out, rows, provenance | facts)
    print(json.dumps({" ".join(filter(None, (row.method, row.metric, row.setting))): row.value for row in rows}))


def _downloaded_weights(kind: str, settings: MetricSettings) -> Path | None:
    """Return the file of `weights_dir` that a measurement is made with, None where it takes none."""
    if settings.weights_dir is None or kind not in _FEATURES:
        return None
    path = Path(settings.weights_dir) / f"{getattr(settings, _FEATURES[kind])}.pth"
    return path if path.is_file() else None


_FEATURES = dict.fromkeys(("generators", "translation", "morphing", "alignment-reset", "curve"), "features")
_FEATURES |= {"inversion": "perceptual"}
"""Setting that names the network of each kind."""

_NETWORKS = [f"{role}-{task}" for task in Task.__args__ for role in ("parent", "child")]  # type: ignore[attr-defined]
_FILES: dict[str, tuple[str, ...]] = {
    "generators": ("model", "data"),
    "coverage": ("model", "data", "test-data", "annotations", "pose", "attributes"),
    "inversion": ("codes", "reconstructions", "metrics", "data", "timing"),
    "translation": ("source-data", "target-data", "target-train",
                    *(f"{role}-{task}" for task in STRUCTURE for role in ("source", "target"))),
    "morphing": ("metrics", "middle", "source-data", "target-data"),
    "zero-shot": ("data", "annotations"),
    "alignment-weights": ("parent", "child"),
    "alignment-reset": ("parent", "child", "data"),
    "alignment-pointwise": ("parent", "child", *_NETWORKS),
    "curve": ("parent", "snapshots", "data", *_NETWORKS),
}  # fmt: skip
"""Flags of each kind that name input files: they are checked first, and their hashes go into the provenance."""
