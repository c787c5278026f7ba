"""What a run found, in sentences: the first thing on the report page. Each is told from the rows alone."""

import dataclasses
from collections.abc import Iterable, Sequence

from stylealign.applications.labels.methods import BEST
from stylealign.measurements import registry
from stylealign.measurements.rows import Row
from stylealign.measurements.translation import PROTOCOLS
from stylealign.report.page.source_only import beats, source_only_of
from stylealign.report.page.views import SPACES, are_apart, best_of, role_of, short

NUMBERS = {
    "rotation_deg": "rotation in degrees",
    "log2_scale": "scale in doublings",
    "shift_x": "horizontal shift",
    "shift_y": "vertical shift",
}
"""The pose's numbers, as sentences call them."""

TERMS = {
    "FID": "how far a set of images is from another, by what a network for features sees in them; 0 is not at all.",
    "KID": "the same by another reckoning, which is fair to few images and has an interval.",
    NUMBERS["log2_scale"]: "how often a size is doubled; off by 1 is twice or half as large, off by 0.1 about 7 %.",
}
"""Words of the sentences that need one of their own."""


@dataclasses.dataclass(frozen=True)
class Number:
    """A row's number in a sentence."""

    row: Row
    text: str

    def __str__(self) -> str:
        return self.text


@dataclasses.dataclass(frozen=True)
class Finding:
    """A sentence: texts and numbers in turn; `verdict` is good, bad, or empty where nothing can be said."""

    parts: tuple[str | Number, ...]
    verdict: str = ""

    @property
    def text(self) -> str:
        """Return the sentence."""
        return "".join(map(str, self.parts))


def findings(rows: Sequence[Row]) -> list[tuple[str, list[Finding]]]:
    """Return what was found of each child, in the order of the rows; children of whom nothing was are left out."""
    rows = [row for row in rows if row.value is not None]
    at_home = [row for row in rows if row.table == "generators" and row.child == row.parent]
    told = []
    for child in dict.fromkeys(row.child for row in rows):
        own = [row for row in rows if row.child == child]
        sentences = (_score(own), _share(own), _nearness(own, at_home), _control(own), _translation(own), _labels(own))
        found = [finding for finding in sentences if finding]
        if found:
            told.append((child, found))
    return told


def explained(found: Iterable[tuple[str, Sequence[Finding]]]) -> list[tuple[str, str]]:
    """Return the words of findings that need some of their own, with these."""
    texts = " ".join(finding.text for _, own in found for finding in own)
    return [(term[0].upper() + term[1:], meaning) for term, meaning in TERMS.items() if term in texts]


def _score(rows: Sequence[Row]) -> Finding | None:
    """How aligned the child is, beside its control."""
    score = _one(rows, "alignment_score", "score", "child")
    if score is None:
        return None
    start = ("Aligned with its parent by ", _number(score, ".2f"), ", where 0 is chance and 1 is complete")
    control = _one(rows, "alignment_score", "score", "unaligned")
    if control is None:
        return Finding((*start, "; without a control."))
    is_more = _is_told_better(score, control)
    ending = "" if is_more else ", so not more than it by this measure"
    parts = (*start, "; its control by ", _number(control, ".2f"), f"{ending}.")
    return Finding(parts, "good" if is_more else "bad")


def _share(rows: Sequence[Row]) -> Finding | None:
    """How far the child has become its domain, beside its control."""
    share = _one(rows, "generators", "share", "child")
    if share is None or share.value is None:
        return None
    parts: list[str | Number] = [_number(share, ".0%"), " of its images pass for its domain"]
    control = _beside(rows, share, "unaligned")
    if control is not None:
        parts += [", ", _number(control, ".0%"), " of its control's"]
    is_more = control is None or _is_told_better(share, control, higher_is_better=True)
    verdict = ("good" if is_more else "") if share.value > 0.5 else "bad"
    return Finding((*parts, ", to a classifier that tells the two domains apart."), verdict)


def _nearness(rows: Sequence[Row], at_home: Sequence[Row]) -> Finding | None:
    """How far the child is from its domain, beside the parent as it is and the parent in its own domain."""
    parts: list[str | Number] = []
    nearer: list[str] = []
    not_nearer: list[str] = []
    as_at_home: dict[str, bool] = {}
    for name, child in _distances(rows):
        parent = _beside(rows, child, "parent")
        if parent is None:
            continue
        (nearer if _is_told_better(child, parent) else not_nearer).append(name)
        parts += [", " if parts else "", f"{name} ", _number(child), " (the parent's images ", _number(parent)]
        home = _beside(at_home, child, "parent")
        if home is not None:
            parts += ["; the parent in its own domain ", _number(home)]
            if _is_comparable(child, home):
                as_at_home[name] = not _is_told_better(home, child)
        parts.append(")")
    if not parts:
        return None
    says = "Nearer to its domain than the parent's images" if nearer else "No nearer to its domain than the parent's"
    says += f" by {nearer[0]}, not by {not_nearer[0]}" if nearer and not_nearer else ""
    by = "KID" if "KID" in as_at_home else "FID"
    is_good = as_at_home.get(by, False)
    if as_at_home:
        says += f", {'' if is_good else 'and not '}as near as the parent is to its own by {by}"
    return Finding((f"{says}: ", *parts, "."), "bad" if not_nearer else "good" if is_good else "")


def _control(rows: Sequence[Row]) -> Finding | None:
    """Whether the child is nearer to its domain than its control is."""
    nearer: list[str | Number] = []
    not_nearer: list[str | Number] = []
    for name, child in _distances(rows):
        control = _beside(rows, child, "unaligned")
        if control is not None:
            parts = nearer if _is_told_better(child, control) else not_nearer
            parts += [", " if parts else "", f"{name} ", _number(control), " (the child's ", _number(child), ")"]
    if not not_nearer:
        return Finding(("Its control is farther from the domain: ", *nearer, "."), "good") if nearer else None
    also = ["; farther by ", *nearer] if nearer else []
    return Finding(("Its control is as near to the domain, or nearer: ", *not_nearer, *also, "."), "bad")


def _translation(rows: Sequence[Row]) -> Finding | None:
    """Whether translations come nearer to the domain than the pictures themselves, and what they keep."""
    first = [row for row in rows if row.table == "translation" and not row.setting.startswith(PROTOCOLS[1:])]
    realism = [row for row in first if row.metric == "kid"]
    untouched = next((row for row in realism if row.method == "untouched"), None)
    own = [row for row in realism if row.method in SPACES and role_of(row.method) == "aligned"]
    if not own or untouched is None:
        return None
    best = best_of(own)
    assert best.value is not None and untouched.value is not None
    is_lower, is_told_apart = best.value < untouched.value, are_apart(best, untouched)
    says = {
        (True, True): "come nearer to its domain than the pictures were",
        (True, False): "may come nearer to its domain than the pictures were, the intervals meet",
    }.get((is_lower, is_told_apart), "come no nearer to its domain than the pictures were")
    control = next((row for row in realism if role_of(row.method) == "control" and _space(row) == best.method), None)
    is_nearest = control is None or _is_told_better(best, control)
    if not is_nearest:
        says += ", nor than the control's" if says.startswith("come no") else ", but no nearer than the control's"
    parts: list[str | Number] = [f"Translations {says} (KID ", _number(best), f" from {best.method}; untouched "]
    parts += [_number(untouched)]
    parts += ["; the control's ", _number(control)] if control is not None else []
    parts.append(")")
    kept = [row for row in first if row.metric == "keypoint_error" and row.method in (best.method, "random")]
    errors = {row.method: row for row in kept}
    if len(errors) == 2:
        one, chance = errors[best.method], errors["random"]
        parts.append(
            f" and keep {'more' if _is_told_better(one, chance) else 'no more'} of the layout than random images"
        )
        parts += [" (key points off by ", _number(one), "; ", _number(chance), ")"]
    return Finding((*parts, "."), ("good" if is_told_apart and is_nearest else "") if is_lower else "bad")


def _labels(rows: Sequence[Row]) -> Finding | None:
    """For which labels those that were carried over beat the parent's network as it is."""
    better: list[str | Number] = []
    worse: list[str | Number] = []
    neither: list[str | Number] = []
    is_chosen = False
    for table in registry.tables():
        if table.section != "zero-shot" or not table.headline:
            continue
        pairs = _beside_source_only([row for row in rows if (row.table, row.metric) == (table.name, table.headline)])
        for one, other in pairs:
            is_chosen = is_chosen or one.method == BEST
            what = table.title.lower().removeprefix("zero-shot ")
            what = NUMBERS.get(one.setting, f"{what} of {one.setting}") if len(pairs) > 1 else what
            parts = {True: better, False: worse, None: neither}[beats(one, other, rows)]
            parts += [", " if parts else "", f"{what} (", _number(one), "; ", _number(other), ")"]
    heads = {"better for ": better, "worse for ": worse, "not told apart for ": neither}
    told = [(head, parts) for head, parts in heads.items() if parts]
    if not told:
        return None
    way = ", in the way that is best on validation images" if is_chosen else ""
    text = f"Labels carried over without labelling{way}, beside the parent's network as it is: "
    clauses = [part for place, (head, parts) in enumerate(told) for part in (f"{'; ' if place else ''}{head}", *parts)]
    return Finding((text, *clauses, "."), ("" if worse else "good") if better else "bad")


def _beside_source_only(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return the rows of transferred labels with those of the parent's network of the same setting."""
    method = BEST if any(row.method == BEST for row in rows) else "zero-shot"
    pairs = [(row, source_only_of(row, rows)) for row in rows if row.method == method]
    return [(row, other) for row, other in pairs if other is not None]


def _distances(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """Return how far the child's images are from its domain, by name of the distance."""
    found = {name: _one(rows, "generators", name.lower(), "child") for name in ("FID", "KID")}
    return [(name, row) for name, row in found.items() if row is not None]


def _number(row: Row, form: str = "") -> Number:
    assert row.value is not None
    return Number(row, format(row.value, form).replace("%", " %") if form else short(row.value))


def _one(rows: Iterable[Row], table: str, metric: str, method: str) -> Row | None:
    """Return the row of a table's method with the plainest setting."""
    found = [row for row in rows if (row.table, row.metric, row.method) == (table, metric, method)]
    return min(found, key=lambda row: len(row.setting), default=None)


def _beside(rows: Iterable[Row], row: Row, method: str) -> Row | None:
    """Return the row of another method with the same table, metric, setting and features."""
    key = (row.table, row.metric, row.setting, row.features, method)
    return next((r for r in rows if (r.table, r.metric, r.setting, r.features, r.method) == key), None)


def _space(row: Row) -> str:
    return next((part for part in row.setting.split(", ") if part in SPACES), "")


def _is_comparable(one: Row, other: Row) -> bool:
    """Return whether distances to different images can be compared: FID, without an interval, is larger for fewer."""
    return None not in (one.ci_low, other.ci_low) or one.n == other.n


def _is_told_better(one: Row, other: Row, higher_is_better: bool | None = None) -> bool:
    """Return whether a number is better than another and, where both have intervals, these do not meet."""
    assert one.value is not None and other.value is not None
    higher = one.higher_is_better if higher_is_better is None else higher_is_better
    return are_apart(one, other) and (one.value > other.value) == bool(higher)
