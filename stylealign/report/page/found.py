"""What a run found, in sentences: the first thing on the report page. Each is told from the rows alone."""

import dataclasses
from collections.abc import Iterable, Sequence

from stylealign.applications.labels.methods import BEST
from stylealign.measurements import registry
from stylealign.measurements.rows import Row
from stylealign.measurements.shared import minus
from stylealign.measurements.translation import PROTOCOLS
from stylealign.report.page.views import SPACES, are_apart, best_of, role_of, short

NUMBERS = {
    "rotation_deg": "rotation in degrees",
    "log2_scale": "scale in doublings",
    "shift_x": "horizontal shift",
    "shift_y": "vertical shift",
}
"""The pose's numbers, as sentences call them."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A sentence, and the table that it is of; `verdict` is good, bad, or empty where nothing can be said."""

    text: str
    table: str
    verdict: str = ""


def findings(rows: Sequence[Row]) -> list[tuple[str, list[Finding]]]:
    """Return what was found of each child, in the order of the rows; children of whom nothing was are left out."""
    told = []
    for child in dict.fromkeys(row.child for row in rows):
        own = [row for row in rows if row.child == child and row.value is not None]
        found = [finding for tell in (_score, _share, _translation, _labels) if (finding := tell(own))]
        if found:
            told.append((child, found))
    return told


def _score(rows: Sequence[Row]) -> Finding | None:
    """How aligned the child is, beside its control."""
    score = _one(rows, "alignment_score", "score", "child")
    if score is None or score.value is None:
        return None
    control = _one(rows, "alignment_score", "score", "unaligned")
    text = f"Aligned with its parent by {score.value:.2f}, where 0 is chance and 1 is complete"
    if control is None or control.value is None:
        return Finding(f"{text}; without a control.", score.table)
    is_more = score.value > control.value and are_apart(score, control)
    ending = "" if is_more else ", so not more than it by this measure"
    return Finding(f"{text}; its control by {control.value:.2f}{ending}.", score.table, "good" if is_more else "bad")


def _share(rows: Sequence[Row]) -> Finding | None:
    """How far the child has become its domain."""
    share = _one(rows, "generators", "share", "child")
    if share is None or share.value is None:
        return None
    text = f"{100 * share.value:.0f} % of its images pass for its domain"
    return Finding(
        f"{text}, to a classifier that tells the two domains apart.",
        share.table,
        "good" if share.value > 0.5 else "bad",
    )


def _translation(rows: Sequence[Row]) -> Finding | None:
    """Whether translations come nearer to the domain than the pictures themselves, and what they keep."""
    first = [row for row in rows if row.table == "translation" and not row.setting.startswith(PROTOCOLS[1:])]
    realism = [row for row in first if row.metric == "kid"]
    untouched = [row for row in realism if row.method == "untouched"]
    own = [row for row in realism if row.method in SPACES and role_of(row.method) == "aligned"]
    if not own or not untouched:
        return None
    best = best_of(own)
    assert best.value is not None and untouched[0].value is not None
    is_lower, is_told_apart = best.value < untouched[0].value, are_apart(best, untouched[0])
    says = {
        (True, True): "come nearer to its domain than the pictures were",
        (True, False): "may come nearer to its domain than the pictures were, the intervals meet",
    }.get((is_lower, is_told_apart), "come no nearer to its domain than the pictures were")
    text = f"Translations {says} (KID {short(best.value)} from {best.method}; untouched {short(untouched[0].value)})"
    kept = [row for row in first if row.metric == "keypoint_error" and row.method in (best.method, "random")]
    errors = {row.method: row for row in kept}
    if len(errors) == 2:
        one, chance = errors[best.method], errors["random"]
        assert one.value is not None and chance.value is not None
        keeps = one.value < chance.value and are_apart(one, chance)
        text += f" and keep {'more' if keeps else 'no more'} of the layout than random images"
        text += f" (key points off by {short(one.value)}; {short(chance.value)})"
    return Finding(f"{text}.", best.table, ("good" if is_told_apart else "") if is_lower else "bad")


def _labels(rows: Sequence[Row]) -> Finding | None:
    """For which labels those that were carried over beat the parent's network as it is."""
    better: list[str] = []
    worse: list[str] = []
    first = ""
    for table in registry.tables():
        if table.section != "zero-shot" or not table.headline:
            continue
        own = [row for row in rows if (row.table, row.metric) == (table.name, table.headline)]
        pairs = _beside_source_only(own)
        first = first or (table.name if pairs else "")
        for one, other in pairs:
            assert one.value is not None and other.value is not None
            what = table.title.lower().removeprefix("zero-shot ")
            what = NUMBERS.get(one.setting, f"{what} of {one.setting}") if len(pairs) > 1 else what
            (better if _is_better(one, other, rows) else worse).append(
                f"{what} ({short(one.value)}; {short(other.value)})"
            )
    if not first:
        return None
    text = "Labels carried over without labelling, beside the parent's network as it is: "
    parts = [f"better for {', '.join(better)}"] if better else []
    parts += [f"not better for {', '.join(worse)}"] if worse else []
    return Finding(f"{text}{'; '.join(parts)}.", first, "good" if better else "bad")


def _is_better(one: Row, other: Row, rows: Sequence[Row]) -> bool:
    """Return whether a row is better than another, by the interval of their paired difference where there is one."""
    setting = ", ".join(filter(None, (one.setting, minus(other.method))))
    key = (one.table, one.method, setting, f"{one.metric}_difference")
    for row in rows:
        if (row.table, row.method, row.setting, row.metric) == key and None not in (row.ci_low, row.ci_high):
            return row.ci_low > 0 if row.higher_is_better else row.ci_high < 0  # type: ignore[operator]
    return best_of([one, other]) is one and are_apart(one, other)


def _beside_source_only(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return the rows of transferred labels with those of the parent's network of the same setting."""
    method = BEST if any(row.method == BEST for row in rows) else "zero-shot"
    others = {row.setting: row for row in rows if row.method == "source-only"}
    return [(row, others[row.setting]) for row in rows if row.method == method and row.setting in others]


def _one(rows: Iterable[Row], table: str, metric: str, method: str) -> Row | None:
    """Return the row of a table's method with the plainest setting."""
    found = [row for row in rows if (row.table, row.metric, row.method) == (table, metric, method)]
    return min(found, key=lambda row: len(row.setting), default=None)
