# The validated configuration, and what the rules ask it. Imports nothing slow: `snakemake -n` stays quick.
import json
import math
import os
import re
import sys
from functools import cache
from pathlib import Path
from shlex import quote

import yaml
from stylealign.config import Config, validate
from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_file, sha256_of_json
from stylealign.versions import version


def validated(values):
    """Return the configuration; a mistake in it ends the run with one line and exit code 2."""
    try:
        return validate(Config, values, ", ".join(map(str, workflow.configfiles)) or "config")
    except StyleAlignError as error:
        print(f"snakemake: {error}", file=sys.stderr)
        sys.exit(2)


def with_weights(run):
    """Return the configuration with a folder for the weights that it asks to be downloaded."""
    if run.metrics.weights_dir or not set(networks_of(run)) - {"efficientnet-lite0"}:
        return run
    return run.model_copy(update={"metrics": run.metrics.model_copy(update={"weights_dir": "data/weights"})})


def networks_of(run):
    """Return the networks that measure and steer the jobs."""
    return [run.metrics.features, run.metrics.perceptual, run.inversion.perceptual, run.morphing.perceptual]


RUN = with_weights(validated(config))
MODELS = RUN.models
DRAWN = [name for name, domain in RUN.domains.items() if domain.draw]
IMPORTED = [name for name, domain in RUN.domains.items() if domain.path]
FETCHED = [name for name, domain in RUN.domains.items() if domain.fetch]
CONTROLS = {name: model.control_of for name, model in MODELS.items() if model.control_of}
CHILDREN = [name for name, model in MODELS.items() if model.parent and name not in CONTROLS]
PARENTS = list(dict.fromkeys(MODELS[child].parent for child in CHILDREN))
TASKS = {"segmentation": "zero_shot_segmentation", "keypoints": "zero_shot_keypoints", "pose": "zero_shot_regression"}
ALIGNMENT = ("alignment_weights", "alignment_reset", "alignment_pointwise", "alignment_curve")
HAS_LABELS = any(MODELS[child].domain in DRAWN for child in CHILDREN)
TABLES = (
    ["generators"]
    + ["coverage", "coverage_attributes"] * HAS_LABELS
    + ["inversion", "translation", "morphing"]
    + list(TASKS.values()) * HAS_LABELS
    + [*ALIGNMENT]
)
GUIDES = {"latent-guided": "latent", "reference-guided": "reference"}
LAYER_SWAP = "layer-swap"
ZOO = Path(workflow.basedir).parent / "data" / "zoo.yaml"


def one_of(names):
    """Return a regular expression for exactly these names (for none, one that nothing matches)."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    domain=one_of(RUN.domains),
    model=one_of(MODELS),
    child=one_of(CHILDREN),
    space=r"z\+?|w\+?",
    task=one_of(["segmentation", "keypoints", "pose", "attributes"]),


def as_json(settings, *keys, **update):
    """Return settings as JSON: all of them or the `keys` a job depends on, with `update` in place."""
    values = settings.model_copy(update=update).model_dump(mode="json", include=set(keys) or None)
    return json.dumps(values)


def domain_of(model):
    return MODELS[model].domain


def aligned_parent(model):
    """Return the parent a child is compared with; of a control, the parent of the child it is the control of."""
    return MODELS[CONTROLS.get(model, model)].parent


def origin_of(model):
    """Return everything a model's weights follow from, as JSON values: the name of a training's run directory."""
    settings = MODELS[model]
    if settings.fetch:
        return {"fetch": settings.fetch, "is": source_identity(settings.fetch), "version": version("fetch")}
    return {
        "parent": origin_of(settings.parent) if settings.parent else as_json(settings.architecture),
        "data": data_identity(settings.domain),
        "training": as_json(RUN.training_of(model)),
        "version": version("train"),
    }


def zoo_entry(kind, name):
    """Return an entry of the zoo's `models`, `datasets` or `weights`, {} where there is none of that name."""
    return read_zoo()[kind].get(name, {})


@cache
def read_zoo():
    return yaml.safe_load(ZOO.read_text(encoding="utf-8"))


def source_identity(source):
    """Return what tells one content of a `fetch` source from another: its entry in the zoo and the hash of its file."""
    entry = zoo_entry("models", source)
    path = ZOO.parent / entry["path"] if "path" in entry else Path(source)
    return {"entry": entry, "sha256": sha256_of_file(path) if path.is_file() else None}


def data_identity(domain):
    """Return what tells one content of a prepared data set from another, without reading images."""
    settings = RUN.domains[domain]
    path = Path(settings.path or "")
    files = [path] if path.is_file() else path.rglob("*") if settings.path else []
    sizes = sorted((str(file), file.stat().st_size) for file in files if file.is_file())
    identity = {"settings": as_json(settings), "files": sha256_of_json(sizes), "version": version("data")}
    return identity | ({"entry": zoo_entry("datasets", settings.fetch)} if settings.fetch else {})


def run_dir(model):
    """Return the directory of a training's resume state: another for every other training."""
    return f"results/runs/{model}-{sha256_of_json(origin_of(model))[:12]}"


def data_file(domain, name):
    return f"data/prepared/{domain}/{name}"


def model_file(model):
    return f"results/models/{model}/model.safetensors"


def weights_of(network):
    """Return the file of a network's weights, [] for the one that comes as a package."""
    return [] if network == "efficientnet-lite0" else [f"{RUN.metrics.weights_dir}/{network}.pth"]


def label_network(task, domain):
    """Return the network that was trained on a domain's own annotations."""
    return f"results/zero_shot/{task}/{domain}/oracle.safetensors"


def detailed_space():
    """Return the most detailed space that is inverted: morphs start from its codes."""
    return max(RUN.inversion_spaces, key=("z", "z+", "w", "w+").index)


def is_annotated(model):
    """Return whether a model's and its parent's domain come with annotations, as drawn ones do."""
    return {domain_of(model), domain_of(aligned_parent(model))} <= set(DRAWN)


def flags(**values):
    """Return command-line flags for the `values` that are there, quoted for the shell."""
    return " ".join(f"--{name.replace('_', '-')} {quote(str(value))}" for name, value in values.items() if value)


def row_names(model, method="", setting=""):
    """Return the flags that name a model's rows in the tables."""
    names = {"parent_name": aligned_parent(model) or model, "child_name": CONTROLS.get(model, model)}
    return flags(**names, method=method, setting=setting)
