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

    One line a model, with kimg at each point and the name at its end; models of one way to keep share a colour. The
    cross is the parent unchanged, where the rows have that quality of it, dashed lines are what drawn pairs agree by,
    the dotted one is the score that one in forty unrelated models exceeds. Without label networks there are no panels
    of the agreement.

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
    ways = list(dict.fromkeys(map(way_of, found)))
    measures = [name for name in ALIGNMENT if any(name in point for points in found.values() for point in points)]
    size = (WIDTH_INCHES, PANEL_INCHES * max(1, len(measures)))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(max(1, len(measures)), len(QUALITY), squeeze=False)
    for line, measure in zip(panels, measures, strict=False):
        for axes, (quality, label) in zip(line, QUALITY.items(), strict=True):
            for name, points in found.items():
                shown = [point for point in points if quality in point and measure in point]
                _line(axes, name, shown, (quality, measure), ways.index(way_of(name)))
            if quality in parent:
                axes.plot([parent[quality]], [1], "x", color="black")
                axes.annotate("parent unchanged", (parent[quality], 1), xytext=(4, -8), **_NOTE)
            _levels(axes, measure, found, pairs)
            axes.set_xlabel(label)
            axes.set_ylabel(ALIGNMENT[measure])
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


def _line(axes: "Axes", name: str, points: list[Point], metrics: tuple[str, str], colour: int) -> None:
    """Draw one model, with its kimg and, at the end, its name."""
    if not points:
        return
    x, y = ([point[metric] for point in points] for metric in metrics)
    shade = f"C{colour % COLOURS}"
    axes.plot(x, y, "o-" if colour < COLOURS else "s--", color=shade, linewidth=0.8, markersize=3)
    for point, at in zip(points, zip(x, y, strict=True), strict=True):
        axes.annotate(f"{point['kimg']:g}", at, xytext=(2, 3), textcoords="offset points", fontsize=5, color=shade)
    axes.annotate(name, (x[-1], y[-1]), xytext=(4, -6), color=shade, **_NOTE)
