"""The components of a generator, as the analysis of alignment compares them and partial training selects them."""

from typing import get_args

from torch import nn

from stylealign.config import Component

COMPONENTS: tuple[Component, ...] = get_args(Component)

_UNTRAINED = ("noise_const", "resample_filter", "w_avg")


def component_of(name: str) -> tuple[Component, str] | None:
    """Return component and layer of a generator's parameter, None for what is not trained.

    `mapping`; `affine` (w to the styles of the feature layers); `convolutions` (weights and biases of the feature
    layers); `torgb` (weights and biases); `torgb-affine` (w to the styles of toRGB); `const+noise` (the learned
    constant and the noise strengths).

    Args:
        name: as in `state_dict()`: `synthesis.b8.conv0.affine.weight` is (`affine`, `b8.conv0`), `mapping.fc3.bias`
            is (`mapping`, `fc3`).
    """
    path = name.split(".")
    if path[-1] in _UNTRAINED:
        return None
    if path[0] == "mapping":
        return "mapping", path[1]
    block, layer = path[1], path[2]
    if layer == "const" or path[-1] == "noise_strength":
        return "const+noise", ".".join(path[1:])
    if "affine" in path:
        return "torgb-affine" if layer == "torgb" else "affine", f"{block}.{layer}"
    return "torgb" if layer == "torgb" else "convolutions", f"{block}.{layer}"


def resolution_of(name: str) -> int | None:
    """Return the resolution of the block that a generator's parameter belongs to, None for the mapping network's."""
    path = name.split(".")
    return int(path[1].removeprefix("b")) if path[0] == "synthesis" else None


def parameters_of(generator: nn.Module, components: tuple[Component, ...]) -> dict[str, nn.Parameter]:
    """Return the parameters of `components` by name; of the whole network where `components` is empty."""
    parameters = dict(generator.named_parameters())
    if not components:
        return parameters
    places = {name: component_of(name) for name in parameters}
    return {name: parameters[name] for name, place in places.items() if place is not None and place[0] in components}
