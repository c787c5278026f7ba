"""The front of quality against alignment: children of one domain, each kept near its parent in another way."""

import math
import re
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylealign.errors import StyleAlignError
from stylealign.measurements.rows import Row, snapshot_of
from stylealign.report.sheets import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES, DPI = (13.0, 6.0), 110
COLOURS = 10
"""Of matplotlib's cycle; further ways have them again, dashed."""

Point = dict[str, float]
"""Metric -> value at one number of kimg."""


def way_of(model: str) -> str:
    """Return the way to keep that a model's name says: `ink-features-2` is the second strength of `ink-features`."""
    return re.sub(r"-\d+$", "", model)


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


def draw_front(path: str | Path, rows: Sequence[Row]) -> None:
    """Write the figure: alignment score against the share of the domain, and against FID, with kimg at each point.

    Models of one way to keep share a colour; the strengths are told apart by the name at the end of each line. The
    parent itself has the score 1; the dotted line is what one in forty unrelated models exceeds.

    Args:
        path: the picture; its suffix names the format.
        rows: rows of `evaluate alignment-curve` of the children and their controls.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes time, and the other figures do without it
    from matplotlib.figure import Figure

    found = points_by_model(rows)
    ways = list(dict.fromkeys(map(way_of, found)))
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    labels = {"share": "share of images that a classifier takes for the domain", "fid": "FID, lower is better"}
    for axes, (metric, label) in zip(figure.subplots(1, len(labels)), labels.items(), strict=True):
        for name, points in found.items():
            _line(axes, name, [p for p in points if metric in p], metric, ways.index(way_of(name)))
        chance = [point["chance"] for points in found.values() for point in points if "chance" in point]
        axes.axhline(1, color="black", linewidth=0.6)
        if chance:
            axes.axhline(max(chance), color="black", linewidth=0.8, linestyle=":")
        axes.set_xlabel(label)
        axes.set_ylabel("alignment score")
    canvas.draw()
    save_picture(path, np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1))


def _line(axes: "Axes", name: str, points: list[Point], metric: str, colour: int) -> None:
    """Draw one model, with its kimg and, at the end, its name."""
    if not points:
        return
    x, y = [point[metric] for point in points], [point["score"] for point in points]
    shade = f"C{colour % COLOURS}"
    axes.plot(x, y, "o-" if colour < COLOURS else "s--", color=shade, linewidth=0.8, markersize=3)
    for point, at in zip(points, zip(x, y, strict=True), strict=True):
        axes.annotate(f"{point['kimg']:g}", at, xytext=(2, 3), textcoords="offset points", fontsize=5, color=shade)
    axes.annotate(name, (x[-1], y[-1]), xytext=(4, -6), textcoords="offset points", fontsize=6, color=shade)
