"""The figure of the ladder: each measure of alignment against the distance of the child's domain."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stylealign.applications.labels.methods import BEST, METHODS, UNALIGNED_END
from stylealign.errors import StyleAlignError
from stylealign.measurements.distances import DOMAIN_FID
from stylealign.measurements.ladder import CORRELATIONS, RANKED, RANKS, SAME_POSE, TABLE
from stylealign.measurements.rows import Row
from stylealign.measurements.shared import PAIRS, PAIRS_SHUFFLED
from stylealign.report.sheets import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    Panel("the parent's rotation, its effect in the child", ("effect_ratio",), "boundary rotation", ""),
    Panel("images change alike along directions", ("change_cosine",)),
    Panel("style channels in the same region", ("shared",)),
    Panel("change of the convolutions' weights", ("relative_change",), "convolutions", ""),
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

STYLES = {
    "child": ("#1f77b4", "o-"),
    BEST: ("#1f77b4", "*-"),
    "source-only": ("#ff7f0e", "^-"),
    "unaligned": ("#d62728", "s--"),
    f"{BEST}{UNALIGNED_END}": ("#d62728", "s--"),
    "zero-shot": ("#17becf", ".-"),
    "zero-shot unaligned": ("#e377c2", ".--"),
    "shuffled": ("#7f7f7f", "x:"),
    "random": ("#bcbd22", "x:"),
    "zero-shot shuffled": ("#7f7f7f", "x:"),
    "oracle": ("#2ca02c", "v-"),
    PAIRS["same-pose"]: ("#9467bd", "d:"),
    PAIRS["same-figure"]: ("#8c564b", "P:"),
    PAIRS_SHUFFLED: ("#bcbd22", "+:"),
}
"""Method -> colour, and marker with line, in the order of the legend; single ways stand in the table alone."""
PLAIN = ("zero-shot", "zero-shot unaligned")
"""Methods that are drawn thin: of the ways to carry labels over, the chosen one is to be seen."""
_WAYS = {f"{own.row}{end}" for own in METHODS for end in ("", UNALIGNED_END)} - set(STYLES)
COLUMNS, PANEL_INCHES, DPI = 4, (4.4, 3.6), 90
NAME_PT, TICKS = 7, 5
"""Size of the names above a panel, and most ticks of its horizontal axis."""
MOST_LINES = 3
"""Most lines of names above a panel; where they take more, numbers stand there."""
_PANEL_PT = 0.8 * PANEL_INCHES[0] * 72
"""Width of a panel without its vertical axis, in points."""

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


def rank_of(rows: Sequence[Row], panel: Panel, distance: str) -> str:
    """Return how the children's measure goes with the distance, `rank correlation -0.71`; empty where it is unknown.

    Args:
        rows: rows of the table `ladder_ranks`.
        panel: what is drawn; a mean of several metrics has no such number.
        distance: metric of the distance.
    """
    setting = ", ".join(text for text in (*panel.metrics, panel.setting) if text)
    found = {row.method: row.value for row in rows if (row.metric, row.setting) == (RANKED[distance].name, setting)}
    value = found.get("child", found.get(BEST))
    return "" if value is None else f"rank correlation {value:.2f}"


def staggered(centres: Sequence[float], widths: Sequence[float]) -> list[tuple[float, int]]:
    """Return where each name stands above a panel so that none meets another or leaves the panel.

    Args:
        centres: where each name belongs, from 0 (left end of the panel) to 1, ascending.
        widths: its width with its margin, in the same unit.

    Returns:
        Centre, and line from 0 (the lowest) up, of each.
    """
    ends: list[float] = []
    places = []
    for centre, width in zip(centres, widths, strict=True):
        at = min(max(centre, width / 2), 1 - width / 2)
        line = next((line for line, end in enumerate(ends) if end <= at - width / 2 + 1e-9), len(ends))
        ends[line : line + 1] = [at + width / 2]
        places.append((at, line))
    return places


def draw_ladder(path: str | Path, rows: Sequence[Row]) -> None:
    """Write the figure: a panel a measure and distance, a line a method, the rungs named above each panel.

    Args:
        path: the picture; its suffix names the format.
        rows: rows of `evaluate ladder`.

    Raises:
        StyleAlignError: no rows of the table `ladder`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes time, and the other figures do without it

    canvas = FigureCanvasAgg(ladder_figure(rows))
    canvas.draw()
    save_picture(path, np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1))


def ladder_figure(rows: Sequence[Row]) -> "Figure":
    """Return the figure of `draw_ladder`."""
    ranks = [row for row in rows if row.table == RANKS.name]
    rows = [row for row in rows if row.table == TABLE.name]
    every = [(panel, distance, points_of(rows, panel, distance)) for distance in AXES for panel in PANELS]
    panels = [(panel, distance, _shown(points)) for panel, distance, points in every if points]
    if not panels:
        raise StyleAlignError("figures ladder: no rows of the table ladder; give files of `evaluate ladder`")
    from matplotlib.figure import Figure

    lines = math.ceil(len(panels) / COLUMNS)
    width, height = PANEL_INCHES
    columns = min(COLUMNS, len(panels))
    figure = Figure(figsize=(width * COLUMNS, height * lines + 1), dpi=DPI, layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (panel, distance, points) in zip(grid, panels, strict=False):
        _draw_panel(axes, panel, distance, points)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    rungs = list(
        dict.fromkeys(child for *_, points in panels for own in points.values() for _, _, child in sorted(own))
    )
    names = {child: child for child in rungs}
    placed = [_names(axes, points, names) for axes, (*_, points) in zip(grid, panels, strict=False)]
    is_short = all(line < MOST_LINES for own in placed for _, _, (_, line) in own)
    if not is_short:
        names = {child: str(place) for place, child in enumerate(rungs, 1)}
        placed = [_names(axes, points, names) for axes, (*_, points) in zip(grid, panels, strict=False)]
    for axes, own, (panel, distance, _) in zip(grid, placed, panels, strict=False):
        title, rank = f"{panel.title} {panel.arrow}".strip(), rank_of(ranks, panel, distance)
        _write_names(axes, own, f"{title}\n{rank}" if rank else title)
    found = {label: handle for axes in grid for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    labels = sorted(found, key=lambda label: list(STYLES).index(label) if label in STYLES else len(STYLES))
    key = "" if is_short else ", ".join(f"{name} {child}" for child, name in names.items())
    figure.legend(
        [found[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=min(7, len(labels)),
        fontsize=9,
        title="\n".join(textwrap.wrap(key, 200)) or None,
        title_fontsize=9,
    )
    return figure


def _shown(points: dict[str, list[Point]]) -> dict[str, list[Point]]:
    return {method: own for method, own in points.items() if method not in _WAYS}


def _draw_panel(axes: "Axes", panel: Panel, distance: str, points: dict[str, list[Point]]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for method, own in points.items():
        colour, form = STYLES.get(method, ("black", ".-"))
        is_plain = method in PLAIN
        axes.plot(
            [x for x, _, _ in own],
            [y for _, y, _ in own],
            form,
            color=colour,
            label=method,
            markersize=7 if form[0] == "*" else 6 if is_plain else 4,
            linewidth=0.8 if is_plain else 1.5,
            zorder=4 if method in ("child", BEST, "source-only") else 2,
        )
    for x in {x for own in points.values() for x, _, _ in own}:
        axes.axvline(x, color="black", alpha=0.12, linewidth=0.6, zorder=1)
    axes.set_xlabel(AXES[distance], fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3, axis="y")
    axes.margins(x=0.1, y=0.1)
    if distance == SAME_POSE.name:
        axes.invert_xaxis()


Name = tuple[str, float, tuple[float, int]]
"""Text, where its rung is, and where it stands (`staggered`)."""


def _names(axes: "Axes", points: dict[str, list[Point]], names: dict[str, str]) -> list[Name]:
    """Return the names of a panel's rungs and where they stand, from the left."""
    start, end = axes.get_xlim()
    rungs = {child: (x - start) / (end - start) for own in points.values() for x, _, child in own}
    ordered = sorted(rungs, key=lambda child: rungs[child])
    widths = [(0.62 * len(names[child]) + 0.8) * NAME_PT / _PANEL_PT for child in ordered]
    places = staggered([rungs[child] for child in ordered], widths)
    return [(names[child], rungs[child], place) for child, place in zip(ordered, places, strict=True)]


def _write_names(axes: "Axes", names: Sequence[Name], title: str) -> None:
    lines = 1 + max(line for _, _, (_, line) in names)
    for text, rung, (centre, line) in names:
        axes.annotate(
            text,
            (rung, 1),
            xycoords="axes fraction",
            xytext=((centre - rung) * _PANEL_PT, 3 + 1.3 * NAME_PT * line),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=NAME_PT,
        )
    axes.set_title(title, fontsize=10, pad=6 + 1.3 * NAME_PT * lines)
