# The validated configuration, and the names by which the rules ask it. Imports nothing slow: `snakemake -n` stays quick.
import json
import os
import sys
from pathlib import Path
from shlex import quote

from stylealign.applications.labels import tasks
from stylealign.applications.labels.methods import BOUNDS
from stylealign.config import default_file, load_config, zoo_of
from stylealign.errors import StyleAlignError
from stylealign.experiment import Experiment
from stylealign.experiment.paths import data_file, features_file, label_network, model_file, transferred_network
from stylealign.experiment.translations import GUIDES, LAYER_SWAP
from stylealign.experiment.words import as_json, flags, named_files, one_of
from stylealign.files import own_path
from stylealign.latents import spaces
from stylealign.measurements.registry import kind
from stylealign.measurements.zero_shot import LABELLER
from stylealign.measurements.shared import PAIRS
from stylealign.versions import version

REPOSITORY = Path(workflow.basedir).parent
# The list of known models is beside the rules: in the checkout, or in the installation where `stylealign init` wrote REPOSITORY.
ZOO = zoo_of(Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).parents[1])
# No param of the jobs that read it: a repository that is reached in another way is the same one.
os.environ |= {"STYLEALIGN_ZOO": str(ZOO)}


def read_experiment():
    """Return what the configuration asks for; a mistake in it ends the run with one line and exit code 2."""
    settings = workflow.config_settings
    try:
        run = load_config(Path.cwd(), REPOSITORY, settings.configfiles, settings.config)
        experiment = Experiment(run, ZOO)
        if workflow.is_main_process and (problems := experiment.problems()):
            raise StyleAlignError("; ".join(problems))
    except StyleAlignError as error:
        print(f"snakemake: {error}", file=sys.stderr)
        sys.exit(2)
    return experiment


EXPERIMENT = read_experiment()
RUN = EXPERIMENT.config
MODELS, CHILDREN, CONTROLS = EXPERIMENT.models, EXPERIMENT.children, EXPERIMENT.controls


wildcard_constraints:
    domain=one_of(RUN.domains),
    model=one_of(MODELS),
    child=one_of(CHILDREN),
    space=one_of(spaces.names()),
    task=one_of(tasks.names()),


domain_of = EXPERIMENT.domain_of
aligned_parent = EXPERIMENT.compared_with
trained_family = EXPERIMENT.trained_family
weights_of = EXPERIMENT.weights_of
measuring_settings = EXPERIMENT.measuring_settings
measuring_weights = EXPERIMENT.measuring_weights
other_classes = EXPERIMENT.other_classes
row_names = EXPERIMENT.row_names
generator_method = EXPERIMENT.generator_method
model_method = EXPERIMENT.model_method
measuring_networks = EXPERIMENT.measuring_networks
semantic_inputs = EXPERIMENT.semantic_inputs
figure_domains = EXPERIMENT.figure_domains
share_inputs = EXPERIMENT.share_inputs
labeller = EXPERIMENT.labeller
zero_shot_files = EXPERIMENT.zero_shot_files
validation_inputs = EXPERIMENT.validation_inputs
labels_of_test = EXPERIMENT.labels_of_test
classification_files = EXPERIMENT.classification_files
classification_inputs = EXPERIMENT.classification_inputs
labels_shown = EXPERIMENT.labels_shown
coverage_inputs = EXPERIMENT.coverage_inputs
translation_methods = EXPERIMENT.translation_methods
translation_data = EXPERIMENT.translation_data


def joint_files(px: str, name: str) -> list[str]:
    """Return a file of the training images of each domain that a ruler learns from, in their order."""
    return [data_file(domain, f"train.{name}") for domain in figure_domains(int(px))]
