"""The curve of quality against alignment over a child's training, beside its unaligned control."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylealign.errors import StyleAlignError
from stylealign.measurements.rows import Row, snapshot_of
from stylealign.report.sheets import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AGREEMENT = {
    "rotation_correlation": "rotation",
    "scale_correlation": "scale",
    "x_shift_correlation": "horizontal shift",
    "y_shift_correlation": "vertical shift",
}
"""Metrics whose mean is the alignment of a point, and their names in the figure."""

COLOURS = {"child": "#1f77b4", "unaligned": "#d62728"}
PARTS = ("#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd")
SIZE_INCHES, DPI = (13.0, 4.2), 110

Points = list[tuple[float, dict[str, Row]]]
"""Kimg and, by metric, the rows of each snapshot."""


def points_by_method(rows: Sequence[Row]) -> dict[str, Points]:
    """Return the snapshots of each method (child, unaligned, unaligned CONTROL), from the earliest.

    Raises:
        StyleAlignError: no rows of the table `alignment_curve`.
    """
    groups: dict[str, dict[str, dict[str, Row]]] = {}
    for row in rows:
        if row.table == "alignment_curve":
            kimg, control = snapshot_of(row)
            method = " ".join(filter(None, (row.method, control)))
            groups.setdefault(method, {}).setdefault(kimg, {})[row.metric] = row
    if not groups:
        raise StyleAlignError(
            "figures curve: no rows of the table alignment_curve; give files of `evaluate alignment-curve`"
        )
    return {
        method: sorted((_value(cells, "kimg"), cells) for cells in settings.values())
        for method, settings in groups.items()
    }


def agreement(cells: dict[str, Row]) -> float:
    """Return the mean of the pose's correlations that a point has; NaN where it has none."""
    values = [_value(cells, name) for name in AGREEMENT if name in cells]
    return sum(values) / len(values) if values else float("nan")


def _value(cells: dict[str, Row], metric: str) -> float:
    value = cells[metric].value
    return float("nan") if value is None else value


def draw_curve(path: str | Path, rows: Sequence[Row]) -> None:
    """Write the figure: quality against alignment with kimg beside each point, and both over kimg.

    Args:
        path: the picture; its suffix names the format.
        rows: rows of `evaluate alignment-curve` of one child and its controls.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes time, and the other figures do without it
    from matplotlib.figure import Figure

    points = points_by_method(rows)
    features = next(cells["fid"].features for group in points.values() for _, cells in group)
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    against, quality, alignment = figure.subplots(1, 3)
    for method, group in points.items():
        colour = COLOURS.get(method, "grey")
        kimg, fid = [k for k, _ in group], [_value(cells, "fid") for _, cells in group]
        together = [agreement(cells) for _, cells in group]
        against.plot(fid, together, "o-", color=colour, label=method)
        for x, y, k in zip(fid, together, kimg, strict=True):
            against.annotate(f"{k:g}", (x, y), xytext=(4, 5), textcoords="offset points", fontsize=8, color=colour)
        quality.plot(kimg, fid, "o-", color=colour, label=method)
    _alignment_over_kimg(alignment, points)
    fid_label = f"FID [{features}], lower is better"
    _finish(against, fid_label, "same-z correlation of the pose (mean)", "quality against alignment, at kimg")
    _finish(quality, "kimg", fid_label, "quality")
    _finish(alignment, "kimg", "same-z correlation with the parent, score", "alignment")
    for axes in (quality, alignment):
        axes.set_xscale("log", base=2)
        ticks = sorted({k for group in points.values() for k, _ in group})
        axes.set_xticks(ticks, [f"{k:g}" for k in ticks])
        axes.minorticks_off()
    _show_correlations(against)
    canvas.draw()
    save_picture(path, np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1))


def _alignment_over_kimg(axes: "Axes", points: dict[str, Points]) -> None:
    for method, group in points.items():
        kimg = [k for k, _ in group]
        if method != "child":
            axes.plot(
                kimg,
                [agreement(cells) for _, cells in group],
                "o--",
                color=COLOURS.get(method, "grey"),
                label=f"{method} (mean)",
            )
            continue
        for colour, (metric, name) in zip(PARTS, AGREEMENT.items(), strict=True):
            if metric in group[0][1]:
                values = [_value(cells, metric) for _, cells in group]
                bars = _error_bars(group, metric)
                axes.errorbar(kimg, values, bars, color=colour, marker="o", capsize=2, label=name)
        if "score" in group[0][1]:
            values, bars = [_value(cells, "score") for _, cells in group], _error_bars(group, "score")
            axes.errorbar(
                kimg, values, bars, color="black", marker="s", linestyle=":", capsize=2, label="score, no labels"
            )
    axes.axhline(0, color="black", linewidth=0.6)
    _show_correlations(axes)


def _show_correlations(axes: "Axes") -> None:
    """Show from about 0, or below the lowest value, to 1."""
    axes.set_ylim(min(-0.35, axes.dataLim.y0 - 0.05), 1.05)


def _error_bars(group: Points, metric: str) -> list[list[float]]:
    """Return the distances of the 95 % interval below and above each value, 0 where there is none."""
    below, above = [], []
    for _, cells in group:
        row = cells[metric]
        has = row.value is not None and row.ci_low is not None and row.ci_high is not None
        below.append(max(row.value - row.ci_low, 0) if has else 0)  # type: ignore[operator]
        above.append(max(row.ci_high - row.value, 0) if has else 0)  # type: ignore[operator]
    return [below, above]


def _finish(axes: "Axes", x_label: str, y_label: str, title: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_title(title, fontsize=11)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
