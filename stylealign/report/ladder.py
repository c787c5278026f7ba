"""The figure of the ladder: each measure of alignment against the distance of the child's domain."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stylealign.applications.labels.methods import BEST, METHODS, UNALIGNED_END
from stylealign.errors import StyleAlignError
from stylealign.measurements.distances import DOMAIN_FID
from stylealign.measurements.ladder import CORRELATIONS, SAME_POSE, TABLE
from stylealign.measurements.rows import Row
from stylealign.measurements.shared import PAIRS, PAIRS_SHUFFLED
from stylealign.report.sheets import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Panel(NamedTuple):
    """One measure: its title, the metrics whose mean is drawn, the setting of their rows, and the direction."""

    title: str
    metrics: tuple[str, ...]
    setting: str = ""
    arrow: str = "↑"


PANELS = (
    Panel("alignment score", ("score",)),
    Panel("pose correlation, mean of four", CORRELATIONS),
    Panel("segmentation agreement", ("segmentation_agreement",)),
    Panel("key points, distance", ("keypoint_error",), arrow="↓"),
    Panel("share of the domain", ("share",), arrow=""),
    Panel("zero-shot segmentation, mIoU", ("miou",)),
    Panel("zero-shot key points, error", ("nme",), arrow="↓"),
    Panel("zero-shot rotation, error in degrees", ("mae",), "rotation_deg", "↓"),
)
AXES = {
    DOMAIN_FID.name: "FID of the domain to the parent's",
    SAME_POSE.name: "agreement in the same pose (nearer to the left)",
}
"""Distance -> its name under a panel."""

ALIGNED = ("child", BEST, "zero-shot")
STYLES = {
    "child": ("#1f77b4", "o-"),
    "zero-shot": ("#1f77b4", "o-"),
    "unaligned": ("#d62728", "s--"),
    "zero-shot unaligned": ("#d62728", "s--"),
    BEST: ("#17becf", "*-"),
    f"{BEST}{UNALIGNED_END}": ("#e377c2", "*--"),
    "shuffled": ("#7f7f7f", "x:"),
    "zero-shot shuffled": ("#7f7f7f", "x:"),
    "source-only": ("#ff7f0e", "^-"),
    "oracle": ("#2ca02c", "v-"),
    PAIRS["same-pose"]: ("#9467bd", "d:"),
    PAIRS["same-figure"]: ("#8c564b", "P:"),
    PAIRS_SHUFFLED: ("#bcbd22", "+:"),
}
"""Method -> colour, and marker with line; single ways to carry labels over stand in the table alone."""
_WAYS = {f"{own.row}{end}" for own in METHODS for end in ("", UNALIGNED_END)} - set(STYLES)
COLUMNS, PANEL_INCHES, DPI = 4, (4.4, 3.4), 90

Point = tuple[float, float, str]
"""Distance, value and child."""


def points_of(rows: Sequence[Row], panel: Panel, distance: str) -> dict[str, list[Point]]:
    """Return the points of a panel by method, from the nearest domain; only children that have all its numbers.

    Args:
        rows: rows of the table `ladder`.
        panel: what is drawn.
        distance: metric of the distance, `domain_fid` or `same_pose_agreement`.
    """
    far = {row.child: row.value for row in rows if row.metric == distance}
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if row.metric in panel.metrics and row.setting == panel.setting and row.value is not None:
            values.setdefault((row.method, row.child), {})[row.metric] = row.value
    points: dict[str, list[Point]] = {}
    for (method, child), found in values.items():
        x = far.get(child)
        if x is not None and len(found) == len(panel.metrics):
            points.setdefault(method, []).append((x, math.fsum(found.values()) / len(found), child))
    return {method: sorted(own) for method, own in points.items()}


def draw_ladder(path: str | Path, rows: Sequence[Row]) -> None:
    """Write the figure: a panel a measure and distance, a line a method, the rungs named beside the aligned child's.

    Args:
        path: the picture; its suffix names the format.
        rows: rows of `evaluate ladder`.

    Raises:
        StyleAlignError: no rows of the table `ladder`.
    """
    rows = [row for row in rows if row.table == TABLE.name]
    every = [(panel, distance, points_of(rows, panel, distance)) for distance in AXES for panel in PANELS]
    panels = [drawn for drawn in every if drawn[2]]
    if not panels:
        raise StyleAlignError("figures ladder: no rows of the table ladder; give files of `evaluate ladder`")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes time, and the other figures do without it
    from matplotlib.figure import Figure

    lines = math.ceil(len(panels) / COLUMNS)
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * COLUMNS, height * lines), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for axes, (panel, distance, points) in zip(grid, panels, strict=False):
        _draw_panel(axes, panel, distance, points)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    canvas.draw()
    save_picture(path, np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1))


def _draw_panel(axes: "Axes", panel: Panel, distance: str, points: dict[str, list[Point]]) -> None:
    for method, own in points.items():
        if method in _WAYS:
            continue
        colour, form = STYLES.get(method, ("black", ".-"))
        axes.plot([x for x, _, _ in own], [y for _, y, _ in own], form, color=colour, label=method, markersize=4)
        if method in ALIGNED:
            for x, y, child in own:
                axes.annotate(child, (x, y), xytext=(3, 4), textcoords="offset points", fontsize=7, rotation=30)
    axes.set_title(f"{panel.title} {panel.arrow}".strip(), fontsize=10)
    axes.set_xlabel(AXES[distance], fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.margins(x=0.1, y=0.15)
    axes.legend(fontsize=6, framealpha=0.5)
    if distance == SAME_POSE.name:
        axes.invert_xaxis()
