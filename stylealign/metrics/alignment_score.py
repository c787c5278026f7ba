"""One number for how aligned two models of one architecture are: no labels, no real images.

The same latents go into both models. Three parts ask whether they mean the same there; each is 1 for a model and
itself, and 0 for models that have nothing to do with each other:

* partner_rank: among the images of one model, how early is the one of the same latent found by the features?
* activations: do the activations at each resolution arrange the latents alike (CKA)?
* perturbations: does the same small step in W change the two images alike?

What a style has in common is no alignment: each model's mean is taken away everywhere. What unrelated models agree in
by chance is measured: it is the agreement with the first model under rotated latents and steps. Each part is reckoned
from there, (part - chance) / (1 - chance).

Beside them, and no part of the score, `partner_first` is the share of latents whose partner is found before all others;
among N latents it is 1 / N by chance, so it depends on their number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylealign.metrics.bootstrap import Estimate

Array = NDArray[np.float64]

PARTS = ("partner_rank", "activations", "perturbations")
FIRST = "partner_first"
"""A share as it was counted, no chance taken away."""
SCORE = "score"
GROUPS = 16
"""Groups of latents of the jackknife."""


@dataclass(frozen=True)
class Responses:
    """What a model makes of N latents and of M small steps.

    Attributes:
        features: `[N, F]` features of the images.
        grams: resolution -> products `[N, N]` of the activations there, with the mean activation taken away.
        changes: `[M, F]` changes of the features, from the step backwards to the step forwards.
    """

    features: Array
    grams: dict[int, Array]
    changes: Array

    def without(self, group: int, groups: int) -> "Responses":
        """Return the same without every `groups`-th latent and step, from number `group` on."""
        latents = np.arange(len(self.features)) % groups != group
        steps = np.arange(len(self.changes)) % groups != group
        grams = {resolution: _recentred(gram[np.ix_(latents, latents)]) for resolution, gram in self.grams.items()}
        return Responses(self.features[latents], grams, self.changes[steps])

    def rolled(self) -> "Responses":
        """Return the same in another order: each latent, and each step, takes the next one's place."""
        grams = {resolution: np.roll(gram, 1, axis=(0, 1)) for resolution, gram in self.grams.items()}
        return Responses(np.roll(self.features, 1, axis=0), grams, np.roll(self.changes, 1, axis=0))


def _recentred(gram: Array) -> Array:
    """Return the products of rows after their mean is taken away."""
    mean = gram.mean(axis=0)
    return gram - mean[:, None] - mean[None] + mean.mean()


def cosines(one: Array, other: Array) -> Array:
    """Return the cosines `[N, M]` of the rows of two matrices; 0 where a row is 0."""
    return _unit(one) @ _unit(other).T


def _unit(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros(rows.shape), where=norms > 0)


def standardised(features: Array) -> Array:
    """Return features `[N, F]` with mean 0; those that vary, with the same spread."""
    centred = features - features.mean(axis=0)
    spread = centred.std(axis=0)
    floor = 1e-3 * spread.max(initial=0)
    return np.divide(centred, spread, out=np.zeros(centred.shape), where=spread > floor)


def partner_ranks(one: Array, other: Array) -> Array:
    """Return how early each row's partner is found among the rows of the other matrix, `[N]`.

    1: before all others; -1: after all; 0 on average where rows and partners are unrelated. Ties share their ranks.
    Searched from both sides, and the two ranks averaged.

    Args:
        one, other: `[N, F]`, N of 2 and more, of mean 0.
    """
    return np.mean([1 - 2 * closer / (len(one) - 1) for closer in _closer(one, other)], axis=0)


def partners_first(one: Array, other: Array) -> Array:
    """Return whether each row's partner is found before all other rows of the other matrix, `[N]`: 1, 0, or 0.5.

    0.5: from one side alone. A tie is not found. 1 / N on average where rows and partners are unrelated.
    """
    return np.mean([closer == 0 for closer in _closer(one, other)], axis=0)


def _closer(one: Array, other: Array) -> list[Array]:
    """Return from either side how many rows are closer to each row `[N]` than its partner; a tie counts half."""
    alike, found = cosines(one, other), []
    for table in (alike, alike.T):
        own = np.diag(table)[:, None]
        found.append((table > own).sum(axis=1) + 0.5 * ((table == own).sum(axis=1) - 1))
    return found


def debiased_hsic(one: Array, other: Array) -> float:
    """Return the unbiased estimate of HSIC of two kernel matrices `[N, N]` (Song et al. 2012, equation 5).

    Its expectation is 0 for unrelated rows, however many features they have (unlike that of the biased one).
    """
    count = len(one)
    assert count >= 4, "debiased HSIC needs four rows"
    first, second = one - np.diag(np.diag(one)), other - np.diag(np.diag(other))
    rows = first.sum(axis=0) @ second.sum(axis=0)
    total = first.sum() * second.sum() / ((count - 1) * (count - 2))
    return float(((first * second).sum() + total - 2 * rows / (count - 2)) / (count * (count - 3)))


def debiased_cka(one: Array, other: Array) -> float:
    """Return the debiased linear CKA of two Gram matrices `[N, N]` (Kornblith et al. 2019): 1 for equal ones."""
    norm = debiased_hsic(one, one) * debiased_hsic(other, other)
    return debiased_hsic(one, other) / norm**0.5 if norm > 0 else 0.0


def change_agreement(one: Array, other: Array) -> Array:
    """Return for each step how alike the two changes `[M, F]` are, `[M]`.

    Their cosine, against the mean cosine of changes under different steps: 0 on average for unrelated models, 1 for
    equal changes.
    """
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    alike = cosines(one, other)
    own = np.diag(alike)
    others = (alike.sum(axis=1) - own) / (len(alike) - 1)
    chance = others.mean()
    return (own - chance) / (1 - chance)


def raw_parts(one: Responses, other: Responses) -> dict[str, float]:
    """Return the parts before chance is taken away: `PARTS`, `FIRST`, and the activations at each resolution
    ("8 px")."""
    by_resolution = {f"{px} px": debiased_cka(one.grams[px], other.grams[px]) for px in one.grams}
    features = standardised(one.features), standardised(other.features)
    return {
        "partner_rank": float(partner_ranks(*features).mean()),
        FIRST: float(partners_first(*features).mean()),
        "activations": float(np.mean(list(by_resolution.values()))),
        "perturbations": float(change_agreement(one.changes, other.changes).mean()),
        **by_resolution,
    }


def _above_chance(parts: Mapping[str, float], chance: Mapping[str, float]) -> dict[str, float]:
    """Return the parts, and the score, their mean, where 0 is what unrelated models have."""
    found = {name: (value - chance[name]) / (1 - chance[name]) for name, value in parts.items()}
    return {SCORE: float(np.mean([found[name] for name in PARTS])), **found}


def alignment_score(one: Responses, other: Responses, unrelated: Sequence[Responses]) -> dict[str, Estimate]:
    """Return the score and its parts with 95 % intervals.

    The interval is of two independent sources: the latents (jackknife over groups of them), and what unrelated models
    have by chance (its spread over the rotations, the less the nearer a part is to 1).

    Args:
        one, other: what two models make of the same latents and steps, N >= 8 of each.
        unrelated: what the first model makes of rotated ones, two or more.

    Returns:
        `score`, in [0, 1]; `partner_rank`, `activations`, `perturbations` and the activations at each resolution, at
        most 1; `partner_first`, in [0, 1]; `chance`: the score that one in forty unrelated models exceeds.
    """
    drawn = [raw_parts(model, other) for model in unrelated]
    chance = {name: float(np.mean([parts[name] for parts in drawn])) for name in drawn[0]} | {FIRST: 0.0}
    by_chance = [_above_chance(parts, chance) for parts in drawn]
    spread = {name: float(np.std([found[name] for found in by_chance], ddof=1)) for name in by_chance[0]}
    spread[FIRST] = 0.0
    whole = _above_chance(raw_parts(one, other), chance)
    groups = min(GROUPS, len(one.features), len(one.changes))
    left = [
        _above_chance(raw_parts(one.without(group, groups), other.without(group, groups)), chance)
        for group in range(groups)
    ]
    found = {}
    for name, value in whole.items():
        values = np.array([part[name] for part in left])
        variance = (groups - 1) * float(values.var()) + (spread[name] * (1 - value)) ** 2
        found[name] = _estimate(value, variance**0.5, len(one.features), lowest=0.0 if name in (SCORE, FIRST) else -1.0)
    return {**found, "chance": Estimate(min(1.0, 1.96 * spread[SCORE]), n=len(unrelated))}


def _estimate(value: float, error: float, count: int, lowest: float) -> Estimate:
    low, value, high = (min(1.0, max(lowest, number)) for number in (value - 1.96 * error, value, value + 1.96 * error))
    return Estimate(value, low, high, count)
