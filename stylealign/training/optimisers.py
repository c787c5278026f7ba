"""Which weights are trained, and how fast: Adam for each network, with learning rates by layer."""

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from stylealign.config import RateRow, TrainSettings
from stylealign.config.layers import Network, Place, problem_of_rates, rate_at
from stylealign.errors import StyleAlignError
from stylealign.networks.components import component_of, parameters_of
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.networks.layers import Convolution, FullyConnected

ADAM_BETAS = (0.0, 0.99)
ADAM_EPSILON = 1e-8

Rated = dict[str, tuple[nn.Parameter, float]]
"""Trained parameters by name, each with the multiple of the learning rate that it has."""


def lazy_adam(rated: Rated, learning_rate: float, interval: int, regularised: bool) -> torch.optim.Adam:
    """Return Adam, corrected for one extra regularisation step every `interval` steps (Karras et al. 2020, app. B)."""
    ratio = interval / (interval + 1) if regularised else 1.0
    betas = (ADAM_BETAS[0] ** ratio, ADAM_BETAS[1] ** ratio)
    by_rate: dict[float, list[nn.Parameter]] = {}
    for parameter, rate in rated.values():
        by_rate.setdefault(rate, []).append(parameter)
    groups = [{"params": own, "lr": learning_rate * ratio * rate} for rate, own in by_rate.items()]
    return torch.optim.Adam(groups, betas=betas, eps=ADAM_EPSILON, fused=True)


def rated(network: nn.Module) -> Rated:
    """Return all parameters of a network, at the full rate."""
    return {name: (parameter, 1.0) for name, parameter in network.named_parameters()}


def trained_of_generator(generator: Generator, settings: TrainSettings) -> Rated:
    """Return the parameters of G that are trained; only they require gradients from here on.

    Raises:
        StyleAlignError: no layer is left.
    """
    _require_rates("G", generator.architecture.resolution, settings)
    return _only_trainable(generator, parameters_of(generator, settings.train_only), "G", settings.keep.rates)


def trained_of_discriminator(discriminator: Discriminator, settings: TrainSettings) -> Rated:
    """Return the parameters of D that are trained; only they require gradients from here on.

    Raises:
        StyleAlignError: no layer is left.
    """
    layers, count = layers_from_image(discriminator), settings.freeze_d
    if count >= len(layers):
        raise StyleAlignError(f"freeze_d {count}: the discriminator has {len(layers)} layers, freeze fewer")
    _require_rates("D", discriminator.architecture.resolution, settings)
    frozen = {id(p) for layer in layers[:count] for p in layer.parameters()}
    named = {name: p for name, p in discriminator.named_parameters() if id(p) not in frozen}
    return _only_trainable(discriminator, named, "D", settings.keep.rates)


def layers_from_image(discriminator: Discriminator) -> list[nn.Module]:
    """Return the layers that have weights: fromrgb, conv0, conv1 and skip of the top block, and so on down to `out`."""
    return [module for module in discriminator.modules() if isinstance(module, Convolution | FullyConnected)]


def rate_of(name: str, network: Network, rows: Sequence[RateRow]) -> float:
    """Return the multiple of the learning rate of a parameter: that of the last row that fits, or 1.

    Args:
        name: as in `named_parameters()` of the network.
        network: G or D.
        rows: the table.
    """
    return rate_at(place_of(name, network), rows)


def place_of(name: str, network: Network) -> Place:
    """Return where a parameter is, by its name in `named_parameters()` of the network."""
    found = re.search(r"(?:^|\.)b(\d+)\.", name)
    component = component_of(name) if network == "G" else None
    return Place(network, component[0] if component else None, int(found[1]) if found else None)


@torch.no_grad()
def share_untrained(generator: Generator, average: Generator, trained: Rated) -> bool:
    """Give the layers of G that are not trained the weights of its average, which then keeps them to the bit.

    A parent's G and its average are not the same: otherwise the average of a frozen layer would go over to G's.

    Returns:
        Whether the mapping network is trained. Where it is not, its mean w is the average's too, and stays.
    """
    for name, parameter in generator.named_parameters():
        if name not in trained:
            parameter.copy_(average.get_parameter(name))
    moves_w = any(name.startswith("mapping.") for name in trained)
    if not moves_w:
        generator.mapping.w_avg.copy_(average.mapping.w_avg)
    return moves_w


def require_gradients(parameters: Iterable[nn.Parameter], required: bool) -> None:
    """Say of parameters whether they need gradients."""
    for parameter in parameters:
        parameter.requires_grad_(required)


def _require_rates(network: Network, px: int, settings: TrainSettings) -> None:
    problem = problem_of_rates(network, px, settings)
    if problem is not None:
        raise StyleAlignError(problem)


def _only_trainable(
    network: nn.Module, named: Mapping[str, nn.Parameter], letter: Network, rows: Sequence[RateRow]
) -> Rated:
    trained = {name: (p, rate) for name, p in named.items() if (rate := rate_of(name, letter, rows)) > 0}
    network.requires_grad_(False)
    require_gradients((parameter for parameter, _ in trained.values()), True)
    return trained
