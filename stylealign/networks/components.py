"""The components of a generator, as the analysis of alignment compares them and partial training selects them."""

from torch import nn

from stylealign.config import Component


def component_of(name: str) -> Component | None:
    """Return the component a parameter of the generator belongs to.

    Args:
        name: as in `state_dict()`, such as `synthesis.b8.conv0.affine.weight`.

    Returns:
        `mapping`; `affine` (w to styles, those of toRGB too); `convolutions` (weights, biases and noise strengths of
        the feature layers); `torgb` (weights and biases); None for the learned constant and the synthesis buffers.
    """
    if name.startswith("mapping."):
        return "mapping"
    if ".affine." in name:
        return "affine"
    if ".torgb." in name:
        return "torgb"
    if ".conv" in name and not name.endswith("noise_const"):
        return None if name.endswith(".const") else "convolutions"
    return None


def parameters_of(generator: nn.Module, components: tuple[Component, ...]) -> dict[str, nn.Parameter]:
    """Return the parameters of `components` by name; of the whole network where `components` is empty."""
    return {name: p for name, p in generator.named_parameters() if not components or component_of(name) in components}
