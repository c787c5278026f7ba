"""How close reconstructions are to the images that were inverted."""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import Experiment, File, Kind, Measured, Progress, Table
from stylealign.metrics.bootstrap import Estimate, mean_estimate
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import perceptual_s

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs

PERCEPTUAL = Metric("perceptual", False, "distance of deep features between image and reconstruction")
MSE = Metric("mse", False, "mean squared error of pixels on [0, 1]")
PSNR = Metric("psnr", True, "peak signal-to-noise ratio, 100 at most", unit="dB")
SSIM = Metric("ssim", True, "structural similarity")
IMAGES_PER_S = Metric("images_per_s", True, "speed of the inversion", unit="images a second", is_speed=True)

TABLE = Table(
    "inversion",
    title="Reconstruction of test images",
    section="inversion",
    metrics=(PERCEPTUAL, MSE, PSNR, SSIM, IMAGES_PER_S),
    protocol="8-bit reconstructions against the images; pixels on [0, 1]; PSNR with peak 1, 100 dB at most; SSIM per "
    "colour channel, 11x11 Gaussian window of 1.5 px, no padding",
    headline="perceptual",
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return `perceptual`, `mse`, `psnr`, `ssim`, and `images_per_s` where the inversion was timed.

    Raises:
        StyleAlignError: files that do not belong together.
    """
    from stylealign.latents.codes import Codes
    from stylealign.measurements.inputs import distance_of, images_named
    from stylealign.metrics.inversion import distances

    codes, reconstructions = Codes.load(inputs.path("codes")), inputs.images("reconstructions")
    images = images_named(inputs.images("data"), codes.names, inputs.path("codes"))
    if len(reconstructions) != len(images):
        raise StyleAlignError(
            f"{reconstructions.path}: {len(reconstructions)} images where the sources are {len(images)}; make it again"
        )
    timing = inputs.json("timing") if inputs.has("timing") else {}
    key = inputs.key(TABLE.name)
    key = key if key.method else dataclasses.replace(key, method=codes.space)
    rows = []
    for metric, values in distances(images, reconstructions.read(), distance_of(settings)).items():
        estimate = mean_estimate(values, settings.bootstrap, settings.seed)
        rows.append(key.row(metric, estimate, settings.perceptual if metric == PERCEPTUAL.name else ""))
    if "images_per_s" in timing:
        rows.append(key.row(IMAGES_PER_S.name, Estimate(float(timing["images_per_s"]), n=len(images))))
    return rows, {}


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each parent or child and each latent space."""
    models, spaces = experiment.parents + experiment.children, experiment.config.inversion_spaces
    return [f"{model}/{space}" for model in models for space in spaces]


def cost(work: Work, model: str, space: str) -> Cost:
    """Return the cost of a job: the test images of a model, in a latent space."""
    found, images = work.model(model), work.config.inversion.images
    seconds = images * perceptual_s(work.config.metrics.perceptual, found.px) * 2
    return Cost(network_s=seconds, memory_mb=1500 + 10 * found.pixels_mb(images))


KIND = Kind(
    name="inversion",
    version=8,
    text="distance between test images and their reconstructions",
    files=(
        File("codes", "NPZ", "codes.npz of `stylealign invert`"),
        File("reconstructions", "ZIP", "reconstructions.zip of `stylealign invert`"),
        File("metrics", "JSON", "metrics.json of `stylealign invert`"),
        File("data", "ZIP", "the images that were inverted"),
        File("timing", "JSON", "timing.json of `stylealign invert`: adds images_per_s, new at every run", False),
    ),
    settings=("perceptual", "bootstrap", "seed", "weights_dir"),
    networks=("perceptual",),
    tables=(TABLE,),
    rows=rows_of,
    costs={"inversion": cost},
    measure=measure,
)
