"""`stylealign evaluate KIND`: measure one group of rows of a table and write them with their provenance."""

import argparse
import json
from pathlib import Path

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.config import MetricSettings, Task
from stylealign.metrics.rows import provenance_of, write_rows

HELP = "measure models, codes, images or networks: rows of the tables, as JSON"
VERSION = 3

KINDS = {
    "generators": "FID, KID, precision and recall of a generator against the training images of a domain",
    "inversion": "distance between test images and their reconstructions",
    "translation": "FID and KID of translated images, and how much of the source's structure they keep",
    "morphing": "the numbers that `stylealign morph` measured, as rows, and the KID of the middle frames",
    "zero-shot": "a label network on annotated test images",
    "alignment-weights": "how far each component of a child moved from its parent",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each kind of measurement."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, text in KINDS.items():
        sub = kinds.add_parser(kind, help=text, description=text)
        _add_labels(sub)
        _FLAGS[kind](sub)
        add_settings(sub, MetricSettings)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    """Add what every kind takes: the labels of the rows, and where they go."""
    parser.add_argument("--out", required=True, metavar="JSON", help="file the rows are written to")
    parser.add_argument("--parent-name", default="", help="text of the rows' `parent` column")
    parser.add_argument("--child-name", required=True, help="text of the rows' `child` column: the domain measured")
    parser.add_argument("--method", default="", help="text of the rows' `method` column")
    parser.add_argument(
        "--setting", default="", help="text of the rows' `setting` column, after what the kind puts there"
    )


def _generators_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="model whose samples are scored")
    parser.add_argument("--data", required=True, metavar="ZIP", help="training images of the domain")


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
    parser.add_argument(
        "--images", metavar="ZIP", help="translated images; left out: the sources as they are (untouched)"
    )
    parser.add_argument(
        "--codes", metavar="NPZ", help="codes of the sources, which names them; left out: the first sources"
    )
    parser.add_argument("--source-data", required=True, metavar="ZIP", help="images the sources are among (test split)")
    parser.add_argument("--target-data", required=True, metavar="ZIP", help="test images of the target (setting `cut`)")
    parser.add_argument("--target-train", metavar="ZIP", help="training images of the target (setting `stargan-v2`)")
    for task, metric in (("keypoints", "keypoint_error"), ("pose", "rotation_error")):
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
    parser.add_argument(
        "--network", required=True, metavar="NET", help="network of `stylealign supervise` or `transfer`"
    )
    parser.add_argument("--data", required=True, metavar="ZIP", help="test images of the domain")
    parser.add_argument("--annotations", required=True, metavar="NPZ", help="annotations of the test images")


def _alignment_weights_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", required=True, metavar="MODEL", help="the parent")
    parser.add_argument("--child", required=True, metavar="MODEL", help="the child")


_FLAGS = {
    "generators": _generators_flags,
    "inversion": _inversion_flags,
    "translation": _translation_flags,
    "morphing": _morphing_flags,
    "zero-shot": _zero_shot_flags,
    "alignment-weights": _alignment_weights_flags,
}


def run(arguments: argparse.Namespace) -> None:
    """Measure, write the rows, and print them as JSON: method, metric and setting -> value."""
    settings = settings_from(arguments, MetricSettings)
    files = {flag: getattr(arguments, flag.replace("-", "_")) for flag in _FILES[arguments.kind]}
    files["weights"] = _downloaded_weights(arguments.kind, settings)
    provenance = provenance_of(f"evaluate {arguments.kind}", VERSION, settings, files)

    from stylealign.cli.measurements import MEASURE

    rows, facts = MEASURE[arguments.kind](arguments, settings)
    write_rows(arguments.out, rows, provenance | facts)
    print(json.dumps({" ".join(filter(None, (row.method, row.metric, row.setting))): row.value for row in rows}))


def _downloaded_weights(kind: str, settings: MetricSettings) -> Path | None:
    """Return the file of `weights_dir` that a measurement is made with, None where it takes none."""
    if settings.weights_dir is None or kind not in _NETWORKS:
        return None
    path = Path(settings.weights_dir) / f"{getattr(settings, _NETWORKS[kind])}.pth"
    return path if path.is_file() else None


_NETWORKS = {"generators": "features", "translation": "features", "morphing": "features", "inversion": "perceptual"}
"""Setting that names the network of each kind."""

_FILES = {
    "generators": ("model", "data"),
    "inversion": ("codes", "reconstructions", "metrics", "data", "timing"),
    "translation": ("images", "codes", "source-data", "target-data", "target-train", "source-keypoints",
                    "target-keypoints", "source-pose", "target-pose"),
    "morphing": ("metrics", "middle", "source-data", "target-data"),
    "zero-shot": ("network", "data", "annotations"),
    "alignment-weights": ("parent", "child"),
}  # fmt: skip
"""Flags of each kind that name input files: they are checked first, and their hashes go into the provenance."""
