"""`stylealign features`: the features of image sets, once for all measurements that compare with them."""

import argparse
import json
from pathlib import Path

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import Progress
from stylealign.config import MetricSettings
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
from stylealign.measurements.inputs import extractor_of
from stylealign.metrics.feature_files import features_of_images, save_features
from stylealign.provenance import provenance_of
from stylealign.versions import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--data", required=True, nargs="+", type=Path, metavar="ZIP", help="image sets")
    parser.add_argument("--out-dir", required=True, type=Path, metavar="DIR", help="gets NAME.npz of each NAME.zip")
    add_settings(parser, MetricSettings, without=set(MetricSettings.model_fields) - {"features", "weights_dir"})


def run(arguments: argparse.Namespace) -> None:
    """Write the files; print the number of images of each as JSON."""
    settings = settings_from(arguments, MetricSettings)
    names = [path.stem for path in arguments.data]
    if len(set(names)) < len(names):
        raise StyleAlignError(f"--data: two sets are called {max(names, key=names.count)}; give them other names")
    require_writable(arguments.out_dir, folder=True)
    sets = {path.stem: ImageZip(path) for path in arguments.data}
    extractor, done = extractor_of(settings), 0
    progress = Progress("features", sum(map(len, sets.values())), "images")
    for path, (name, images) in zip(arguments.data, sets.items(), strict=True):

        def told(count: int, before: int = done) -> None:
            progress.update(before + count)

        provenance = provenance_of("features", version("features"), settings, {"data": path})
        found = features_of_images(images, extractor, settings.features, told)
        save_features(arguments.out_dir / f"{name}.npz", found, provenance)
        done += len(images)
    print(json.dumps({name: len(images) for name, images in sets.items()}))
