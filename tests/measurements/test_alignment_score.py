"""Rows of the score: the child against its parent, other latents, and its parent's parent."""

from pathlib import Path

from stylealign.config import MetricSettings
from stylealign.measurements.alignment_score import KIND, METRICS
from stylealign.measurements.inputs import Inputs
from stylealign.measurements.rows import Row


class Counter:
    """Counts what is told."""

    total = done = 0

    def __call__(self, total: int, unit: str) -> "Counter":
        self.total = total
        return self

    def update(self, done: int) -> None:
        self.done = done

    def advance(self, units: int = 1) -> None:
        self.done += units


def test_a_child_of_a_child_has_rows_against_its_parents_parent(folder: Path) -> None:
    files = {role: folder / f"{name}.safetensors" for role, name in (("parent", "parent"), ("child", "child"))}
    options, counter = {"shuffled": True}, Counter()
    settings = MetricSettings(score_latents=16)
    rows, _ = KIND.measure(Inputs(files | {"root": files["child"]}, {}, options, "between", "again"), settings, counter)
    assert counter.total == counter.done == 16

    def of(method: str) -> dict[str, Row]:
        return {row.metric: row for row in rows if row.method == method and row.setting == ""}

    methods = list(dict.fromkeys(row.method for row in rows))
    assert methods[1:] == ["shuffled", "child of a child"]
    assert [set(of(method)) for method in methods] == [{metric.name for metric in METRICS}] * 3
    assert of("child of a child")["score"].value == 1, "here the root is the child itself"
    assert of("child of a child")["partner_first"].value == 1
    assert of(methods[0])["score"].value < 0.5
