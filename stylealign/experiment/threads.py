"""How many CPU threads a training of the workflow gets."""

from stylealign.config import Config


def training_threads(config: Config, model: str, cores: int) -> int:
    """Return `threads` of a training's settings or, where they leave it open, its share of the cores, at least one.

    The trainings of one generation can run side by side: parents, then their children, then theirs. They share the
    cores evenly, whichever of them a run really starts, so that the number follows from configuration and cores alone.
    """
    own = config.training_of(model).threads
    generation = _generation(config, model)
    trained = [name for name, other in config.models.items() if not other.fetch]
    together = sum(_generation(config, name) == generation for name in trained)
    return own or max(1, cores // max(1, together))


def _generation(config: Config, model: str) -> int:
    """Return how many trainings come before a model's."""
    parent = config.models[model].parent
    if parent is None or config.models[parent].fetch:
        return 0
    return 1 + _generation(config, parent)
