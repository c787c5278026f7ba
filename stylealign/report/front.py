"""The front of quality against alignment: children of one domain, each kept near its parent in another way."""

import math
import re
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stylealign.errors import StyleAlignError
from stylealign.measurements.rows import Row, snapshot_of
from stylealign.measurements.shared import ANNOTATED, FID, PAIRS, SHARE
from stylealign.report.sheets import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, PANEL_INCHES, DPI = 13.0, 5.0, 110
COLOURS = 10
"""Of matplotlib's cycle; further ways have them again, dashed."""
MARKERS = "o^sDvP*X"
"""Of the models of one way, by their order."""

QUALITY = {SHARE.name: "share of images that a classifier takes for the domain", FID.name: "FID, lower is better"}
ALIGNMENT = {"segmentation_agreement": "label agreement (mean IoU)", "score": "alignment score"}
Point = dict[str, float]
"""Metric -> value at one number of kimg."""


def way_of(model: str) -> str:
    """Return the way to keep that a model's name says, without its strength and seed: `ink-features-2-s0` is of
    `ink-features`."""
    return re.sub(r"(-\d+)?(-s\d+)?$", "", model)


def points_by_model(rows: Sequence[Row]) -> dict[str, list[Point]]:
    """Return what each model is at each number of kimg, from the earliest; a control is CHILD-METHOD or its own name.

    Raises:
        StyleAlignError: no rows of the table `alignment_curve`.
    """
    groups: dict[str, dict[str, Point]] = {}
    for row in rows:
        if row.table == "alignment_curve":
            kimg, control = snapshot_of(row)
            name = row.child if row.method == "child" else control or f"{row.child}-{row.method}"
            point = groups.setdefault(name, {}).setdefault(kimg, {})
            point[row.metric] = math.nan if row.value is None else row.value
    if not groups:
        raise StyleAlignError(
            "figures front: no rows of the table alignment_curve; give files of `evaluate alignment-curve`"
        )
    return {name: sorted(points.values(), key=itemgetter("kimg")) for name, points in groups.items()}


def references(rows: Sequence[Row]) -> tuple[Point, dict[str, float]]:
    """Return the quality of the parent unchanged, and the label agreement of each kind of drawn pairs, by its method.

    The joint networks have seen the images of the pairs, as they have those of the children.
    """
    parent = {
        row.metric: row.value
        for row in rows
        if row.table == "generators" and row.method == "parent" and row.metric in QUALITY and row.value is not None
    }
    pairs = {
        row.method: row.value
        for row in rows
        if row.table == "alignment_pointwise" and row.method in PAIRS.values() and row.setting != ANNOTATED
        if row.metric in ALIGNMENT and row.value is not None
    }
    return parent, pairs


def draw_front(path: str | Path, rows: Sequence[Row]) -> None:
    """Write the figure: label agreement and alignment score against the share of the domain, and against FID.

    One line a model, with kimg at each point; models of one way to keep share a colour. The cross is the parent
    unchanged, where the rows have that quality of it, dashed lines are what drawn pairs agree by, the dotted one is the
    score that one in forty unrelated models exceeds. Without label networks there are no panels of the agreement.

    Args:
        path: the picture; its suffix names the format.
        rows: rows of `evaluate alignment-curve` of the children and their controls; of the references, those of
            `evaluate generators` and `evaluate references` that are given.

    Raises:
        StyleAlignError: no rows of the table `alignment_curve`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes time, and the other figures do without it
    from matplotlib.figure import Figure

    found = points_by_model(rows)
    parent, pairs = references(rows)
    looks = looks_of(list(found))
    measures = [name for name in ALIGNMENT if any(name in point for points in found.values() for point in points)]
    size = (WIDTH_INCHES, PANEL_INCHES * max(1, len(measures)))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(max(1, len(measures)), len(QUALITY), squeeze=False)
    for line, measure in zip(panels, measures, strict=False):
        for axes, (quality, label) in zip(line, QUALITY.items(), strict=True):
            for name, points in found.items():
                shown = [point for point in points if quality in point and measure in point]
                _line(axes, name, shown, (quality, measure), looks[name])
            if quality in parent:
                axes.plot([parent[quality]], [1], "x", color="black", label="parent unchanged")
            _levels(axes, measure, found, pairs)
            axes.set_xlabel(label)
            axes.set_ylabel(ALIGNMENT[measure])
    named = {str(line.get_label()): line for axes in panels.flat for line in axes.lines}
    named = {name: line for name, line in named.items() if not name.startswith("_")}
    figure.legend(named.values(), named.keys(), loc="outside right upper", fontsize=8, frameon=False)
    canvas.draw()
    save_picture(path, np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1))


_NOTE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 6}


def _levels(axes: "Axes", measure: str, found: dict[str, list[Point]], pairs: dict[str, float]) -> None:
    """Draw what alignment is measured by: drawn pairs beside the agreement, chance beside the score."""
    if measure == "score":
        chance = [point["chance"] for points in found.values() for point in points if "chance" in point]
        if chance:
            axes.axhline(max(chance), color="black", linewidth=0.8, linestyle=":")
        return
    for method, level in pairs.items():
        axes.axhline(level, color="black", linewidth=0.8, linestyle="--")
        axes.annotate(method, (0, level), xycoords=("axes fraction", "data"), xytext=(3, 2), **_NOTE)


def looks_of(models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how the line of each model looks: a colour a way to keep, a marker a model of it."""
    ways: dict[str, list[str]] = {}
    for model in models:
        ways.setdefault(way_of(model), []).append(model)
    return {
        model: {
            "color": f"C{place % COLOURS}",
            "linestyle": "-" if place < COLOURS else "--",
            "marker": MARKERS[number % len(MARKERS)],
        }
        for place, own in enumerate(ways.values())
        for number, model in enumerate(own)
    }


def _line(axes: "Axes", name: str, points: list[Point], metrics: tuple[str, str], look: dict[str, Any]) -> None:
    """Draw one model, with its kimg."""
    if not points:
        return
    x, y = ([point[metric] for point in points] for metric in metrics)
    axes.plot(x, y, linewidth=0.8, markersize=3, label=name, **look)
    for point, at in zip(points, zip(x, y, strict=True), strict=True):
        axes.annotate(f"{point['kimg']:g}", at, xytext=(2, 3), color=look["color"], **_NOTE)
