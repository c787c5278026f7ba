"""What each component carries: the child with one component set back to the parent's (StyleAlign, section 4)."""

from typing import TYPE_CHECKING, get_args

from stylealign.config import Component, MetricSettings
from stylealign.measurements.declare import File, Kind, Measured, Progress, Table, of_each_family
from stylealign.measurements.shared import DISTRIBUTION_PROTOCOL, FID, KID, distribution_rows
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs

NOTHING = "nothing"
Reset = tuple[str, int | None]
"""Component, or resolution in pixels, that gets the parent's weights."""


def resets(resolution_px: int) -> dict[str, Reset]:
    """Return what is reset in turn in a generator of a resolution, by the setting of its rows."""
    components: dict[str, Reset] = {name: (name, None) for name in (NOTHING, *get_args(Component))}
    blocks: dict[str, Reset] = {f"{2**power} px": ("", 2**power) for power in range(2, resolution_px.bit_length())}
    return components | blocks


TABLE = Table(
    "alignment_reset",
    title="What happens when one part gets the parent's weights back",
    section="alignment",
    metrics=(FID, KID),
    protocol="the child's averaged generator with the trained parameters of one component, or of all layers of the "
    "synthesis network at one resolution (`N px`), set to the parent's, all others its own; "
    f"`{NOTHING}`: the child itself; samples without truncation, stored noise, against the training "
    f"images of the child's domain; {DISTRIBUTION_PROTOCOL}",
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return `fid` and `kid` of the child as it is and with each part reset in turn, named in `setting`.

    Raises:
        StyleAlignError: models or images that do not belong together, or too few images.
    """
    from stylealign.measurements.inputs import extractor_of
    from stylealign.metrics.features import features_of
    from stylealign.metrics.fid_kid import Reference
    from stylealign.metrics.generators import require_resolution, sample_images
    from stylealign.metrics.weights import with_reset

    parent, child = inputs.parent_and_child()
    extractor = extractor_of(settings)
    data = inputs.features("data", extractor, settings.features)
    require_resolution(data, child.architecture.resolution)
    device = next(extractor.parameters()).device
    parts = resets(child.architecture.resolution)
    counter = progress(len(parts) * settings.reset_samples, "images")
    real = Reference(data.values)
    source, own = parent.generator.to(device), child.generator.to(device)
    rows = []
    for place, (setting, part) in enumerate(parts.items()):

        def told(done: int, before: int = place * settings.reset_samples) -> None:
            counter.update(before + done)

        samples = sample_images(with_reset(own, source, *part), settings.reset_samples, settings.seed)
        generated = features_of(samples, extractor, progress=told)
        rows += distribution_rows(generated, real, inputs.key(TABLE.name), settings, setting)
    return rows, {"real_images": len(data)}


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: the child as it is, and with each of its parts reset."""
    metrics, found = work.config.metrics, work.model(model)
    count = len(resets(found.px))
    real, images = work.data_of(model).splits.train_images, count * metrics.reset_samples
    memory = 2000 + 16 * found.weights_mb + found.pixels_mb(1024) * 2 + work.features_mb(metrics.reset_samples + real)
    return Cost(
        **found.passes(images),
        host_s=count * (work.fid_s() + work.kid_s()),
        network_s=work.features_s(images, found.px),
        memory_mb=memory,
    )


KIND = Kind(
    name="alignment_reset",
    version=11,
    text="quality of a child with one component's, or one resolution's, weights set back to its parent's",
    files=(
        File("parent", "MODEL", "the parent"),
        File("child", "MODEL", "the child"),
        File("data", "ZIP", "training images of the child's domain, or their features (`stylealign features`)"),
    ),
    settings=("features", "weights_dir", "reset_samples", "seed"),
    networks=("features",),
    tables=(TABLE,),
    rows=of_each_family,
    costs={"alignment_reset": cost},
    measure=measure,
)
