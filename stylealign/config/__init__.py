"""Every setting of the project, once: defaults, validation, JSON schema and the text of ``--help``.

A verb of the command line takes one of the frozen models here. A workflow file (`config/*.yaml`) is a `Config`,
which is made of the same models, so a key means the same thing wherever it is written.
"""

from stylealign.config.applications import (
    BlendSettings,
    DirectionSettings,
    LabelSettings,
    MorphSettings,
    TranslateSettings,
    ZeroShotSettings,
)
from stylealign.config.base import (
    FEWEST_MEASURED,
    LARGEST_PX,
    Component,
    Count,
    Faces,
    Features,
    Fit,
    Fraction,
    Guide,
    MorphPath,
    NonNegativeFloat,
    Perceptual,
    Positive,
    PositiveFloat,
    Settings,
    Space,
    SquareFit,
)
from stylealign.config.data import (
    FOUND_FACES,
    OF_PICTURES,
    AnnotationSettings,
    DatasetSettings,
    PairSettings,
    Splits,
    as_asked,
)
from stylealign.config.drawn import drawn_domains, smallest_px, without_figures
from stylealign.config.keeping import KeepMethod, KeepSettings, RateRow
from stylealign.config.labellers import Labellers, LabellerSettings
from stylealign.config.latents import EncoderSettings, InvertSettings
from stylealign.config.measuring import MetricSettings
from stylealign.config.messages import M, validate
from stylealign.config.places import known_models, project_root, zoo_of
from stylealign.config.reading import default_file, load_config, merged, parse_yaml, read_yaml, repository_of
from stylealign.config.run_folder import installed_snakefile
from stylealign.config.training import ALIGNED, MEASURED_BY, UPKEEP, ArchitectureSettings, TrainSettings
from stylealign.config.workflow import Config, ModelSettings

__all__ = [
    "ALIGNED",
    "FEWEST_MEASURED",
    "FOUND_FACES",
    "LARGEST_PX",
    "MEASURED_BY",
    "OF_PICTURES",
    "UPKEEP",
    "AnnotationSettings",
    "ArchitectureSettings",
    "BlendSettings",
    "Component",
    "Config",
    "Count",
    "DatasetSettings",
    "DirectionSettings",
    "EncoderSettings",
    "Faces",
    "Features",
    "Fit",
    "Fraction",
    "Guide",
    "InvertSettings",
    "KeepMethod",
    "KeepSettings",
    "LabelSettings",
    "LabellerSettings",
    "Labellers",
    "M",
    "MetricSettings",
    "ModelSettings",
    "MorphPath",
    "MorphSettings",
    "NonNegativeFloat",
    "PairSettings",
    "Perceptual",
    "Positive",
    "PositiveFloat",
    "RateRow",
    "Settings",
    "Space",
    "Splits",
    "SquareFit",
    "TrainSettings",
    "TranslateSettings",
    "ZeroShotSettings",
    "as_asked",
    "default_file",
    "drawn_domains",
    "installed_snakefile",
    "known_models",
    "load_config",
    "merged",
    "parse_yaml",
    "project_root",
    "read_yaml",
    "repository_of",
    "smallest_px",
    "validate",
    "without_figures",
    "zoo_of",
]
