"""Where the half-precision blocks really compute in half precision."""

from torch import Tensor


def runs_half(features: Tensor) -> bool:
    """Say whether half precision is used where `features` lie: on GPUs only, as it is slower on CPUs."""
    return features.is_cuda
