"""The networks that measure and steer the jobs of a configuration, and the folder of their weights."""

from stylealign.config import Config
from stylealign.metrics.networks.registry import network_of

WEIGHTS_DIR = "data/weights"


def networks_of(config: Config) -> list[str]:
    """Return the networks that measure and steer the jobs of a configuration, each once."""
    found = [config.metrics.features, config.metrics.perceptual, config.morphing.perceptual]
    inversions = [config.inversion_of(space) for space in config.inversion_spaces]
    found += [inversion.perceptual for inversion in inversions]
    if any(inversion.init == "encoder" for inversion in inversions):
        found.append(config.encoder.perceptual)
    trainings = [config.training_of(name) for name, model in config.models.items() if not model.fetch]
    found += [training.evaluate_features for training in trainings if training.measures]
    return list(dict.fromkeys(found))


def with_weights(config: Config) -> Config:
    """Return the configuration with a folder for the weights that it asks to be downloaded."""
    if config.metrics.weights_dir or all(network_of(name).is_bundled for name in networks_of(config)):
        return config
    return config.model_copy(update={"metrics": config.metrics.model_copy(update={"weights_dir": WEIGHTS_DIR})})
