"""Attributes that both domains share, by networks and by latent codes; and numbers by latent codes of few labels."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stylealign.applications.labels.methods import BEST
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import Experiment, File, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.zero_shot_distances import PROTOCOL, REGRESSION, is_of_codes, latent_rows
from stylealign.measurements.zero_shot_tables import SOURCE_ONLY, WAYS, is_of_way, without_seed
from stylealign.measurements.zero_shot_values import (
    BOUNDARY,
    FEWEST,
    TABLE,
    area_of,
    areas_of,
    chances,
    sides,
    value_rows,
)
from stylealign.work.cost import MEGABYTE, Cost, Work
from stylealign.work.rates import load_rates

if TYPE_CHECKING:
    from stylealign.applications.labels.networks import Labeller
    from stylealign.datasets.annotations import Annotations
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row
    from stylealign.measurements.zero_shot_values import Scores

NUMBERS = "numbers"
"""Folder of the rows of children whose domains share numbers alone."""


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of the networks and, where there are codes, those of the latents.

    Raises:
        StyleAlignError: files that do not belong together, or domains that share no attribute.
    """
    from stylealign.applications.labels.networks import load_label_network
    from stylealign.devices import compute_device

    if inputs.has("val-data") != inputs.has("val-annotations"):
        raise StyleAlignError("--val-data and --val-annotations go together; give both, or none")
    data = inputs.images("data")
    annotations = inputs.annotations("annotations", data)
    loaded = {
        name: load_label_network(path, "attributes", data.resolution_px)
        for name, path in inputs.named_files.items()
        if not is_of_codes(name)
    }
    networks = {name: network.to(compute_device()) for name, (network, _) in loaded.items()}
    values = _shared(networks, annotations)
    found: dict[str, list[Scores]] = {}
    for name, network in networks.items():
        found.setdefault(without_seed(name), []).append(chances(network, data.read()))
    facts: dict[str, Any] = {"networks": {name: origin for name, (_, origin) in loaded.items()}, "latents": PROTOCOL}
    marks = _marks(inputs, networks)
    if marks:
        best = max(marks, key=marks.__getitem__)
        found |= {f"{BEST}{name.removeprefix(best)}": own for name, own in found.items() if is_of_way(name, best)}
        facts |= {"best": best, "validation": marks}
    base = areas_of(found[SOURCE_ONLY][0], annotations, values) if SOURCE_ONLY in found else None
    rows: list[Row] = []
    for name, seeds in found.items():
        others = base if name != SOURCE_ONLY else None
        rows += value_rows(seeds, annotations, values, 0.5, inputs.key_of(TABLE.name, name), settings, others)
    if networks and not values:
        warnings.warn(f"no attribute that all networks know has {FEWEST} images on either side", stacklevel=2)
    return rows + latent_rows(inputs, networks.get(SOURCE_ONLY), values, settings), facts


def _shared(networks: "dict[str, Labeller]", annotations: "Annotations") -> list[str]:
    """Return the values that all networks and the annotations know, each with some images on either side."""
    from stylealign.metrics.effects import shared_values

    theirs = [f"{name}={value}" for name, values in annotations.attribute_values.items() for value in values]
    values = theirs
    for network in networks.values():
        values = [value for value in values if value in shared_values(network.spec.names, theirs)]
    return [value for value in values if min(sides(annotations, value)) >= FEWEST]


def _marks(inputs: "Inputs", networks: "dict[str, Labeller]") -> dict[str, float]:
    """Return the mean area under the curves of each zero-shot way on the validation images, the mean of its seeds;
    nothing, and a warning, where too few have labels."""
    if not inputs.has("val-data"):
        return {}
    data = inputs.images("val-data")
    annotations, images = inputs.annotations("val-annotations", data), data.read()
    values = _shared(networks, annotations)
    areas: dict[str, list[float]] = {}
    judged = {name: network for name, network in networks.items() if without_seed(name) in WAYS}
    if judged and not values:
        told = f"no attribute that all networks know has {FEWEST} validation images on either side"
        warnings.warn(f"{told}: no row is called {BEST}", stacklevel=2)
    for name, network in judged.items():
        if values:
            areas.setdefault(without_seed(name), []).append(
                area_of(chances(network, images), annotations, values).value
            )
    return {way: sum(own) / len(own) for way, own in areas.items()}


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each child whose domain shares attributes with its parent's, or numbers alone."""
    found = []
    for child in experiment.children:
        if experiment.classification_networks(child):
            found.append(child)
        elif experiment.has_shared_numbers(child):
            found.append(f"{NUMBERS}/{child}")
    return found


def tables_of(experiment: Experiment, names: Sequence[str]) -> tuple[Table, ...]:
    """Return its table, where there are files of rows of attributes."""
    return () if all(name.startswith(f"{NUMBERS}/") for name in names) else (TABLE,)


def cost(work: Work, child: str) -> Cost:
    """Return the cost of a job: networks on the test images, samples of the parent, and their labels."""
    data, found, metrics = work.data_of(child), work.model(child), work.config.metrics
    images, px = data.splits.test_images, data.resolution_px
    own = work.config.zero_shot
    networks = 2 + own.seeds * 2 * (len(own.methods) + 1)
    seconds = work.labels_s(networks * images + 2 * metrics.direction_samples, px)
    memory = 2000 + images * px**2 * 20 / MEGABYTE
    scores_s = 4 * networks * load_rates().cpu.label_scores_s  # of attributes and numbers, of networks and of codes
    return Cost(scores_s, network_s=seconds, memory_mb=memory, **found.passes(metrics.direction_samples))


KIND = Kind(
    name="zero_shot_classification",
    version=9,
    text="attributes that both domains share, by networks and by latent codes; numbers by latent codes of few labels",
    files=(
        File("data", "ZIP", "test images of the child's domain"),
        File("annotations", "NPZ", "their annotations"),
        File("val-data", "ZIP", "validation images, on which the best method is chosen", is_required=False),
        File("val-annotations", "NPZ", "annotations of the validation images", is_required=False),
        File("pose", "NET", "pose network of the parent's domain (rows of numbers)", is_required=False),
        File("parent", "MODEL", "the parent, for the rows of latents", is_required=False),
        File("parent-data", "ZIP", "test images of the parent's domain", is_required=False),
        File("parent-annotations", "NPZ", "their annotations", is_required=False),
        File("parent-codes", "NPZ", "W+ codes of some of them in the parent", is_required=False),
    ),
    named_files=NamedFiles(
        "NET",
        "attributes network; the name goes into the `method` column, what follows a / into `setting`; networks of one "
        f"name that differ in a number behind @ are seeds of one method; the files of `{BOUNDARY}` are W+ codes of "
        "test images (NPZ), found in the child or, `unaligned`, in its control",
    ),
    settings=("direction_samples", "bootstrap", "seed"),
    tables=(TABLE,),
    adds_to=(REGRESSION,),
    rows=rows_of,
    tables_of=tables_of,
    costs={"zero_shot_classification": cost, "zero_shot_numbers": cost},
    measure=measure,
)
