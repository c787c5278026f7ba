"""Where the layers of the networks are, as settings speak of them, and which of them a training trains. No torch."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from stylealign.config.base import Component
from stylealign.config.keeping import RateRow
from stylealign.config.training import TrainSettings

Network = Literal["G", "D"]


class Place(NamedTuple):
    """Where a layer is."""

    network: Network
    """Generator or discriminator."""
    component: Component | None
    """Component of the generator; the discriminator has none."""
    px: int | None
    """Resolution; the mapping network has none."""


def places_of(network: Network, px: int) -> list[Place]:
    """Return the places of the layers of a network for images of `px`: of D one a layer, from the image on."""
    resolutions = [2**power for power in range(2, px.bit_length())]
    if network == "G":
        of_synthesis: list[Component] = [component for component in get_args(Component) if component != "mapping"]
        found = [Place("G", component, at) for at in resolutions for component in of_synthesis]
        return [Place("G", "mapping", None), *found]
    # fromrgb; conv0, conv1 and skip of a block; conv, fc and out at 4 px
    return [Place("D", None, px), *(Place("D", None, at) for at in reversed(resolutions) for _ in range(3))]


def rate_at(place: Place, rows: Sequence[RateRow]) -> float:
    """Return the multiple of the learning rate of a layer: that of the last row that fits, or 1."""
    return next((row.rate for row in reversed(rows) if _fits(place, row)), 1.0)


def problem_of_rates(network: Network, px: int, settings: TrainSettings) -> str | None:
    """Return in one line why `keep.rates` cannot be: a row fits no layer of a network, or nothing is left to train.

    Args:
        network: G or D, StyleGAN2's.
        px: height and width of its images.
        settings: how it would be trained; layers without a rate, `train_only`, `freeze_d` and `noise` count.
    """
    places, rows = places_of(network, px), settings.keep.rates
    for row in rows:
        if row.network == network and not any(_fits(place, row) for place in places):
            return f"keep.rates: no layer of this {network} fits {row.model_dump(exclude_unset=True)}"
    trained = [place for place in _trained(places, settings) if rate_at(place, rows) > 0]
    if not trained:
        return f"keep.rates: no layer of {network} is left to train; give one a rate above 0"
    if network == "G" and not settings.noise and all(_is_noise(place) for place in trained):
        return (
            "keep.rates: noise strengths alone are left to train, and noise is off; give another layer a rate above 0"
        )
    return None


def _trained(places: Sequence[Place], settings: TrainSettings) -> Sequence[Place]:
    """Return the places of a network that `train_only` and `freeze_d` leave."""
    if places[0].network == "D":
        return places[settings.freeze_d :]
    return [place for place in places if not settings.train_only or place.component in settings.train_only]


def _is_noise(place: Place) -> bool:
    """Return whether a place of G has noise strengths alone: above 4 px there is no constant."""
    return place.component == "const+noise" and place.px != 4


def _fits(place: Place, row: RateRow) -> bool:
    if row.network != place.network or (row.components and place.component not in row.components):
        return False
    if row.from_px is not None and (place.px is None or place.px < row.from_px):
        return False
    return row.to_px is None or (place.px is not None and place.px <= row.to_px)
