"""`stylealign figures ranking`: real images in the order of what the parent's networks see."""

import argparse

from stylealign import load
from stylealign.applications.labels.learning import seeing
from stylealign.applications.labels.networks import load_label_network
from stylealign.cli.figure_flags import RANKING_TASKS
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes
from stylealign.measurements.inputs import images_named
from stylealign.metrics.effects import seeing_all, shared_values
from stylealign.report.ranking import PARTS, ranking_sheet
from stylealign.report.sheets import Pixels


def ranking_of(arguments: argparse.Namespace) -> Pixels:
    """Return the figure `[3, height, width]` uint8.

    Raises:
        StyleAlignError: no network, or files that do not belong together.
    """
    given = {task: path for task in RANKING_TASKS if (path := getattr(arguments, task)) is not None}
    if not given:
        raise StyleAlignError("figures ranking: give --pose NET or --attributes NET, networks of the parent's domain")
    data, parent = ImageZip(arguments.data), load(arguments.model)
    seen = {task: seeing(load_label_network(path, task, data.resolution_px)[0]) for task, path in given.items()}
    names = seen["attributes"].names if "attributes" in seen else ()
    see = seeing_all(seen.get("pose"), seen.get("attributes"), shared_values(names, names))
    assert see is not None, "one of the two was given"
    ranked = {}
    for label, path in arguments.rows:
        codes = Codes.load(path, "w+", architecture=parent.architecture)
        ranked[label] = images_named(data, codes.names, path), codes.values
    columns, shared = -(-arguments.columns // len(PARTS)), list[str]()
    if arguments.annotations is not None:
        known = Annotations.load(arguments.annotations).attribute_values
        shared = shared_values(names, [f"{name}={value}" for name, values in known.items() for value in values])
    return ranking_sheet(parent.generator, see, ranked, columns, arguments.samples, shared=shared)
