"""FID, KID, precision and recall against closed forms in numpy and scipy."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from stylealign.metrics import fid_kid
from stylealign.metrics.fid_kid import FewImagesWarning, Reference, fid, kid, kid_difference, precision_recall
from stylealign.metrics.kernel_distance import Tied, variance_of_shared, variance_of_shared_pairs


def features(seed: int, count: int = 300, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(6, 6))
    return torch.from_numpy(rng.normal(size=(count, 6)) @ mix * scale + shift)


def fid_by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.asarray(sqrtm(covariance_a @ covariance_b)).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariance_a + covariance_b - 2 * root))


def mmd2_unbiased(a: np.ndarray, b: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(a), len(b)
    within_a = (kernel(a, a).sum() - np.trace(kernel(a, a))) / (n * (n - 1))
    within_b = (kernel(b, b).sum() - np.trace(kernel(b, b))) / (m * (m - 1))
    return float(within_a + within_b - 2 * kernel(a, b).mean())


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_fid_against_sqrtm() -> None:
    a, b = features(0), features(1, shift=0.5, scale=1.3)
    assert fid(a, b).value == pytest.approx(fid_by_sqrtm(a.numpy(), b.numpy()), rel=1e-6)
    assert fid(a, a).value == pytest.approx(0, abs=1e-6)


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
@pytest.mark.parametrize(("count", "of_real"), [(200, 150), (20, 150), (150, 20), (20, 30)])
def test_fid_is_that_of_torch_fidelity(count: int, of_real: int) -> None:
    rng = np.random.default_rng(5)
    mix = rng.normal(size=(40, 60))  # 60 features of rank 40, more and fewer than there are images
    a, b = (torch.from_numpy(rng.normal(size=(n, 40)) @ mix) for n in (count, of_real))
    statistics = [fid_features_to_statistics(each) for each in (a, b + 0.3)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert fid(a, b + 0.3).value == pytest.approx(theirs, rel=1e-6)


def test_a_reference_gives_what_its_features_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fid_kid, "FEWEST_IMAGES", 4)
    monkeypatch.setattr(fid_kid, "KID_MOST_IMAGES", 70)
    real = Reference(features(1, count=80))
    for seed in (0, 1, 0):
        generated = features(2 + seed, count=60)
        assert fid(generated, real) == fid(generated, real.features)
        assert kid(generated, real, seed) == kid(generated, real.features, seed)


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_fid_closed_form_in_one_dimension() -> None:
    a = torch.tensor([[0.0], [2.0], [4.0]])  # mean 2, variance 4
    b = torch.tensor([[4.0], [5.0], [6.0]])  # mean 5, variance 1
    a, b = torch.cat([a, torch.zeros(3, 1)], dim=1), torch.cat([b, torch.zeros(3, 1)], dim=1)
    assert fid(a, b).value == pytest.approx(9 + (2 - 1) ** 2)


def test_fid_warns_of_few_images() -> None:
    with pytest.warns(FewImagesWarning, match="300 images"):
        fid(features(0), features(1, count=3000))


def test_kid_is_the_unbiased_mmd() -> None:
    a, b = features(0, count=40), features(1, count=60, shift=0.3)
    assert kid(a, b).value == pytest.approx(mmd2_unbiased(a.numpy(), b.numpy()), rel=1e-9)
    assert kid(a, b).n == 40


def test_kid_is_what_the_mean_over_subsets_approaches() -> None:
    a, b = features(0, count=80), features(1, count=120, shift=0.5)
    subsets = kid_features_to_metric(a, b, kid_subsets=4000, kid_subset_size=30, verbose=False)
    error = 4 * subsets["kernel_inception_distance_std"] / 4000**0.5
    assert kid(a, b).value == pytest.approx(subsets["kernel_inception_distance_mean"], abs=error)


def test_kid_of_more_images_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fid_kid, "KID_MOST_IMAGES", 50)
    estimate = kid(features(0), features(1), seed=3)
    assert estimate.n == 50
    assert estimate == kid(features(0), features(1), seed=3)
    assert estimate.value != kid(features(0), features(1), seed=4).value


def test_rows_of_a_kernel_matrix_are_taken_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kid(features(0), features(1, shift=0.5))
    monkeypatch.setattr("stylealign.metrics.kernel_distance._ROWS", 7)
    assert dataclasses.astuple(kid(features(0), features(1, shift=0.5))) == pytest.approx(dataclasses.astuple(whole))


DIMENSIONS = 4
MIX = np.random.default_rng(99).normal(size=(DIMENSIONS, DIMENSIONS)) / DIMENSIONS**0.5


def moments(mean: np.ndarray) -> list[np.ndarray]:
    """Return the first three moments of the normal distribution that `sample` draws from."""
    covariance = MIX.T @ MIX
    second = covariance + np.outer(mean, mean)
    mixed = np.einsum("i,jk->ijk", mean, covariance)
    third = np.einsum("i,j,k->ijk", mean, mean, mean) + mixed + mixed.transpose(1, 0, 2) + mixed.transpose(1, 2, 0)
    return [mean, second, third]


def true_kid(shift: float) -> float:
    """Return the distance in closed form: the kernel (x.y/d + 1)^3 compares the moments up to the third."""
    pairs = zip(moments(np.full(DIMENSIONS, 1.0 + shift)), moments(np.ones(DIMENSIONS)), strict=True)
    weights = [3 / DIMENSIONS, 3 / DIMENSIONS**2, 1 / DIMENSIONS**3]
    return sum(weight * ((one - other) ** 2).sum() for weight, (one, other) in zip(weights, pairs, strict=True))


def sample(rng: np.random.Generator, count: int, shift: float = 0.0) -> torch.Tensor:
    return torch.from_numpy(rng.normal(size=(count, DIMENSIONS)) @ MIX + 1.0 + shift)


@pytest.mark.parametrize("count", [96, 500])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_95_percent_intervals_of_kid_hold_the_truth(count: int, shift: float) -> None:
    rng, truth, repeats = np.random.default_rng(7), true_kid(shift), 500
    estimates = [kid(sample(rng, count, shift), sample(rng, 500)) for _ in range(repeats)]
    hits = sum(estimate.ci_low <= truth <= estimate.ci_high for estimate in estimates)
    assert 0.90 <= hits / repeats <= 0.99
    assert all(estimate.ci_low < estimate.value < estimate.ci_high for estimate in estimates)
    spread = np.std([estimate.value for estimate in estimates])
    assert np.mean([estimate.value for estimate in estimates]) == pytest.approx(truth, abs=4 * spread / repeats**0.5)


def outputs(rng: np.random.Generator, sources: int, each: int) -> torch.Tensor:
    """Return images of `sample`'s distribution, source after source, half of whose variance is between sources."""
    shared, own = sample(rng, sources).repeat_interleave(each, dim=0), sample(rng, sources * each)
    return 0.5**0.5 * (shared - 1 + own - 1) + 1


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_intervals_of_kid_are_over_sources_where_there_are_several_outputs_of_each(shift: float) -> None:
    rng, truth, repeats = np.random.default_rng(9), true_kid(shift), 200
    estimates = [kid(outputs(rng, 64, 10) + shift, sample(rng, 500), each=10) for _ in range(repeats)]
    hits = sum(estimate.ci_low <= truth <= estimate.ci_high for estimate in estimates)
    assert 0.88 <= hits / repeats <= 0.99
    spread = np.std([estimate.value for estimate in estimates])
    assert np.mean([estimate.value for estimate in estimates]) == pytest.approx(truth, abs=3 * spread / repeats**0.5)
    assert estimates[0].n == 500


def test_kid_leaves_out_pairs_of_one_source(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = features(0, count=40), features(1, count=60, shift=0.3)
    sources = np.arange(40) // 5
    kernels = ((a @ a.T / 6 + 1) ** 3).numpy()
    pairs_of_one = kernels[(sources[:, None] == sources) & ~np.eye(40, dtype=bool)].mean()
    left_out = kernels[sources[:, None] != sources].mean()
    everything = kernels[~np.eye(40, dtype=bool)].mean()
    assert pairs_of_one != pytest.approx(left_out)
    expected = mmd2_unbiased(a.numpy(), b.numpy()) - everything + left_out
    found = kid(a, b, each=5)
    assert found.value == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr("stylealign.metrics.kernel_distance._ROWS", 7)
    assert dataclasses.astuple(kid(a, b, each=5)) == pytest.approx(dataclasses.astuple(found))
    monkeypatch.setattr(fid_kid, "KID_MOST_IMAGES", 22)
    assert kid(a, b, each=5).n == 20, "whole sources"


def made_from(rng: np.random.Generator, images: torch.Tensor) -> torch.Tensor:
    """Return images of `sample`'s distribution, each of which is near one of some images: a reconstruction."""
    return 0.9 * (images - 1) + 0.19**0.5 * (sample(rng, len(images)) - 1) + 1


@pytest.mark.parametrize("each", [1, 3])
def test_pairs_of_images_and_what_they_were_made_from_are_left_out(each: int) -> None:
    """Half of the images of each source know a reference among the real ones; the first two have the same one."""
    a, b = features(0, count=8 * each).numpy(), features(1, count=11, shift=0.3).numpy()
    references = np.random.default_rng(3).integers(0, 4, 8 * each)
    references[:2] = 1
    own = np.where(np.arange(len(a)) % 2 == 0, references, -1)
    sources = np.arange(len(a)) // each

    def mean(kernel: np.ndarray, counted: np.ndarray) -> np.ndarray:
        """Return the means over the pairs of samples, the diagonal apart, NaN for those of which nothing is left."""
        n, m = len(kernel) // each, kernel.shape[1] // (each if kernel.shape[0] == kernel.shape[1] else 1)
        shape = (n, each, m, -1)
        total, count = ((kernel * counted).reshape(shape).sum((1, 3)), counted.reshape(shape).sum((1, 3)))
        return np.divide(total, count, out=np.full((n, m), np.nan), where=count > 0)

    within = mean((a @ a.T / 6 + 1) ** 3, (sources[:, None] != sources) & (references[:, None] != references))
    between = mean((a @ b.T / 6 + 1) ** 3, own[:, None] != np.arange(11))
    real = (b @ b.T / 6 + 1) ** 3
    whole = []
    for kernels in (within, between):
        rows, columns = (np.nanmean(kernels, axis=axis, keepdims=True) for axis in (1, 0))
        whole.append(np.where(np.isnan(kernels), rows + columns - np.nanmean(kernels), kernels))
    expected = whole[0][~np.eye(8, dtype=bool)].mean() + real[~np.eye(11, dtype=bool)].mean() - 2 * whole[1].mean()
    tied = Tied(shared=torch.from_numpy(references), own=torch.from_numpy(own))
    found = kid(torch.from_numpy(a), torch.from_numpy(b), each=each, tied=tied)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.value != pytest.approx(kid(torch.from_numpy(a), torch.from_numpy(b), each=each).value, rel=1e-3)
    assert (found.ci_low < found.value < found.ci_high, found.n) == (True, min(len(a), 11))


def test_what_all_images_share_leaves_no_pair_out() -> None:
    a, b = features(0, count=8), features(1, count=9)
    same = torch.zeros(8, dtype=torch.int64)
    assert kid(a, b, tied=Tied(shared=same)) == kid(a, b)
    assert kid(a, b, tied=Tied(shared=torch.stack([same, torch.arange(8)], dim=1))) == pytest.approx(kid(a, b))
    made = kid(a, b, tied=Tied(own=same))
    assert np.isfinite([made.value, made.ci_low, made.ci_high]).all(), "one image of which all were made"


def test_images_made_from_the_real_ones_are_at_no_distance_and_their_interval_holds_it() -> None:
    """With the pairs of each image and its own real one, the distance comes out too low."""
    rng, repeats, own = np.random.default_rng(11), 300, torch.arange(32)
    found, naive = [], []
    for _ in range(repeats):
        real = sample(rng, 48)
        made = made_from(rng, real[:32])
        found.append(kid(made, real, tied=Tied(own=own)))
        naive.append(kid(made, real).value)
    values = np.array([each.value for each in found])
    error = values.std() / repeats**0.5
    assert abs(values.mean()) < 3 * error
    assert np.mean(naive) < -8 * error, "what it would be"
    assert np.mean([each.ci_low <= 0 <= each.ci_high for each in found]) >= 0.9


def test_images_of_one_reference_are_no_pairs() -> None:
    rng, repeats = np.random.default_rng(12), 200
    numbers = torch.arange(64) % 16
    found, naive = [], []
    for _ in range(repeats):
        made, real = made_from(rng, sample(rng, 16)[numbers]), sample(rng, 200)
        found.append(kid(made, real, tied=Tied(shared=numbers)).value)
        naive.append(kid(made, real).value)
    error = np.std(found) / repeats**0.5
    assert abs(np.mean(found)) < 3 * error
    assert np.mean(naive) > 8 * error


@pytest.mark.parametrize(("each", "least"), [(1, 0.9), (4, 0.88)])
def test_95_percent_intervals_of_images_of_one_reference_hold_the_truth(each: int, least: float) -> None:
    """Half of the variance is between references; over sources alone intervals held the truth in four of five cases."""
    rng, truth, repeats, found, differences = np.random.default_rng(5), true_kid(0.5), 150, [], []
    numbers = torch.arange(64 * each) % 16 if each == 1 else torch.arange(64 * each) % 64
    for _ in range(repeats):
        numbers = numbers[torch.from_numpy(rng.permutation(len(numbers)))]
        sources, references = (sample(rng, 64) - 1 for _ in range(2))
        parts = (sources.repeat_interleave(each, dim=0), references[numbers], sample(rng, 64 * each) - 1)
        made = sum(share**0.5 * part for share, part in zip((0.3, 0.5, 0.2), parts, strict=True)) + 1.5
        real, tied = sample(rng, 300), Tied(shared=numbers)
        found.append(kid(made, real, each=each, tied=tied))
        if each == 1:
            difference = kid_difference(made, sources + 1, real, tied=tied)
            assert difference.value == pytest.approx(found[-1].value - kid(sources + 1, real, tied=tied).value)
            differences.append(difference.ci_low <= truth <= difference.ci_high)
    hits = [one.ci_low <= truth <= one.ci_high for one in found]
    assert least <= np.mean(hits) <= 0.99
    assert each > 1 or 0.84 <= np.mean(differences) <= 0.99, "16 references are few for a variance"


@pytest.mark.parametrize(("each", "shift"), [(1, 0.0), (4, 0.0), (1, 0.1)])
def test_intervals_of_few_references_hold_a_distance_near_0(each: int, shift: float) -> None:
    """Near 0 pairs of references make the noise. Over pairs of images, and of sources, 0.68 and 0.40 of them held 0."""
    rng, truth, repeats, hits = np.random.default_rng(5), true_kid(shift), 150, 0
    for _ in range(repeats):
        numbers = torch.from_numpy(rng.permutation(64 * each) % 16)
        parts = (sample(rng, 64).repeat_interleave(each, dim=0), sample(rng, 16)[numbers], sample(rng, 64 * each))
        made = sum(share**0.5 * (part - 1) for share, part in zip((0.3, 0.5, 0.2), parts, strict=True)) + 1 + shift
        found = kid(made, sample(rng, 300), each=each, tied=Tied(shared=numbers))
        hits += found.ci_low <= truth <= found.ci_high
    assert 0.87 <= hits / repeats <= 0.99


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_the_variance_of_pairs_that_share_something_by_brute_force(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(columns)
    x, minus, y = (torch.from_numpy(rng.normal(size=(count, 3))) for count in (14, 14, 9))
    shared = torch.from_numpy(rng.integers(0, 5, (14, columns)))
    shared[:, 0] = torch.arange(14) // 2
    alike = (shared[:, None] == shared).any(dim=2)
    own = torch.tensor([3, -1, 8, *range(11)])  # what is no number of y is of none
    counted = [~alike, own[:, None] != torch.arange(9)]
    sums = []
    for other, is_counted, beside in zip((x, y), counted, (alike, torch.eye(9)), strict=True):
        less = minus if other is x else y
        kernels = (x @ other.T / 3 + 1) ** 3 - (minus @ less.T / 3 + 1) ** 3
        kernels = torch.where(is_counted, kernels, torch.nan)
        whole = kernels.nanmean()
        means = [
            own_means.where(~own_means.isnan(), whole) - whole
            for own_means in (kernels.nanmean(dim=0), kernels.nanmean(dim=1))
        ]
        centred = (kernels - whole - means[0] - means[1][:, None]).nan_to_num(0)
        sums.append(float((centred * (alike.double() @ centred @ beside.double())).sum() / is_counted.sum() ** 2))
    expected = (2 * max(sums[0], 0), 4 * max(sums[1], 0))
    for rows in (128, 5):
        monkeypatch.setattr("stylealign.metrics.kernel_distance._ROWS", rows)
        assert variance_of_shared_pairs(x, y, shared, minus, Tied(own=own)) == pytest.approx(expected)


def test_the_variance_of_what_is_shared_in_closed_form() -> None:
    effects = torch.tensor([3.0, 1.0, -1.0, -3.0], dtype=torch.float64) + 5
    # Twice 3 * 1 and twice -1 * -3, times 2 groups over 1 degree of freedom, over 16.
    assert variance_of_shared(effects, torch.tensor([[0], [0], [1], [1]])) == pytest.approx(12 * 2 / 16)
    assert variance_of_shared(effects, torch.tensor([[0], [1], [1], [0]])) == 0, "unlike images have nothing in common"
    twice = torch.tensor([[0, 0], [0, 0], [1, 1], [1, 1]])
    assert variance_of_shared(effects, twice) == pytest.approx(12 * 2 / 16), "what two methods share counts once"


def test_ties_follow_the_images_that_are_chosen_of_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = features(0, count=60), features(1, count=50)
    own, shared = torch.arange(60) % 50, torch.arange(60) // 3
    monkeypatch.setattr(fid_kid, "KID_MOST_IMAGES", 30)
    rows, columns = fid_kid._chosen(60, 30, 2), fid_kid._chosen(50, 30, 2)
    places = {int(column): place for place, column in enumerate(columns)}
    by_hand = torch.tensor([places.get(int(number), -1) for number in own[rows]])
    expected = kid(a[rows], b[columns], tied=Tied(shared[rows], by_hand))
    assert dataclasses.astuple(kid(a, b, 2, tied=Tied(shared, own))) == pytest.approx(dataclasses.astuple(expected))
    difference = kid_difference(a, a.flip(0), b, 2, Tied(shared, own))
    by_hand = kid_difference(a[rows], a.flip(0)[rows], b[columns], tied=Tied(shared[rows], by_hand))
    assert dataclasses.astuple(difference) == pytest.approx(dataclasses.astuple(by_hand))


def test_fid_of_several_outputs_of_a_source_warns_of_few_sources() -> None:
    with pytest.warns(FewImagesWarning, match="300 sources"):
        fid(features(0, count=3000), features(1, count=3000), each=10)
    with pytest.warns(FewImagesWarning, match="100 images"):
        fid(features(0, count=3000), features(1, count=100), each=10)


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_fid_of_several_outputs_of_a_source_is_biased_as_that_of_fewer_images() -> None:
    """As the protocol says: it is between those of as many images and of as many sources, all of one distribution."""
    rng = np.random.default_rng(4)
    real = Reference(sample(rng, 2000))
    kinds = {
        "images": lambda: sample(rng, 200),
        "outputs": lambda: outputs(rng, 20, 10),
        "sources": lambda: sample(rng, 20),
    }
    means = {kind: np.mean([fid(draw(), real).value for _ in range(30)]) for kind, draw in kinds.items()}
    assert 1.5 * means["images"] < means["outputs"] < means["sources"]


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_95_percent_intervals_of_a_difference_of_two_methods_hold_the_truth(shift: float) -> None:
    rng, repeats, hits, narrower = np.random.default_rng(8), 500, 0, 0
    for _ in range(repeats):
        shared, real = sample(rng, 96), sample(rng, 500)
        one, other = (0.9 * (shared - 1) + 0.19**0.5 * (sample(rng, 96) - 1) + 1 for _ in range(2))
        difference = kid_difference(one + shift, other, real)
        hits += difference.ci_low <= true_kid(shift) <= difference.ci_high
        alone = [kid(one + shift, real), kid(other, real)]
        narrower += difference.ci_high - difference.ci_low < sum(each.ci_high - each.ci_low for each in alone)
        assert difference.value == pytest.approx(alone[0].value - alone[1].value, abs=1e-9)
    assert 0.90 <= hits / repeats <= 0.99
    assert narrower == repeats


def test_precision_recall_are_those_of_torch_fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    generated, real = features(0, count=60, scale=0.4).float(), features(1, count=80).float()
    theirs = prc_features_to_metric(
        generated, real, prc_neighborhood=3, prc_batch_size=100, save_cpu_ram=False, verbose=False
    )
    for block in (100, 32):
        monkeypatch.setattr(fid_kid, "_BLOCK", block)
        ours = precision_recall(generated, real)
        assert [each.value for each in ours] == [theirs["precision"], theirs["recall"]]


def test_precision_recall_against_brute_force_and_argument_order() -> None:
    generated, real = features(0, count=60, scale=0.4), features(1, count=80)

    def covered(points: np.ndarray, balls: np.ndarray) -> float:
        radius = np.sort(cdist(balls, balls), axis=1)[:, fid_kid.NEIGHBOURS]
        return float((cdist(points, balls) <= radius).any(axis=1).mean())

    precision, recall = precision_recall(generated, real)
    assert precision.value == pytest.approx(covered(generated.numpy(), real.numpy()), abs=1e-6)
    assert recall.value == pytest.approx(covered(real.numpy(), generated.numpy()), abs=1e-6)
    assert precision.value > recall.value, "a narrow generator is precise and recalls little"
    swapped_precision, swapped_recall = precision_recall(real, generated)
    assert (swapped_precision.value, swapped_recall.value) == (recall.value, precision.value)


def test_errors() -> None:
    with pytest.raises(AssertionError, match=r"\[N, D\]"):
        kid(features(0), features(0)[:, :3])
    with pytest.raises(AssertionError, match="finite"):
        kid(features(0), features(0) * float("nan"))
    with pytest.raises(AssertionError, match="at least 4"):
        kid(features(0, count=3), features(1))
