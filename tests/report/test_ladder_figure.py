"""The ladder's figure: names and legend that cover nothing, however many children there are."""

import itertools

import pytest

from stylealign.applications.labels.methods import BEST
from stylealign.measurements.rows import Row
from stylealign.report.ladder import ladder_figure, staggered


def row(child: str, method: str, metric: str, value: float) -> Row:
    return Row("ladder", "human", child, method, "", metric, "", value)


def rows_of(children: int) -> list[Row]:
    """Return rows of children in pairs that are near each other, of a measure of labels."""
    found = []
    for place in range(children):
        child = f"a-child-{place}"
        found.append(row(child, "", "domain_fid", 300.0 + 100 * place + (place % 2) * -90))
        found += [
            row(child, method, "miou", 0.5) for method in ("zero-shot", "source-only", BEST, "zero-shot filtered")
        ]
    return found


def test_names_meet_neither_each_other_nor_the_frame() -> None:
    centres = [0.0, 0.02, 0.3, 0.31, 0.33, 0.99]
    placed = staggered(centres, [0.2] * len(centres))
    assert [line for _, line in placed] == [0, 1, 0, 1, 2, 0]
    for (one, line), (other, other_line) in itertools.pairwise(placed):
        assert line != other_line or other - one >= 0.2
    assert (placed[0][0], placed[-1][0]) == (0.1, 0.9)
    assert placed[2][0] == 0.3, "where it belongs, where it fits"


@pytest.mark.parametrize("children", [3, 15])
def test_all_texts_are_apart_and_on_the_picture(children: int) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = ladder_figure(rows_of(children))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = (axes for axes in figure.axes if axes.axison)
    assert axes.get_legend() is None
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [BEST, "source-only", "zero-shot"]
    key = legend.get_title().get_text()
    names = [text.get_text() for text in axes.texts]
    assert len(set(names)) == children
    assert (names[0], key) == ("a-child-0", "") if children == 3 else key.startswith("1 a-child-0, 2 a-child-1, 3 ")
    renderer = canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in [*axes.texts, axes.title, legend]]
    assert not [(one, other) for one in boxes for other in boxes if one is not other and one.overlaps(other)]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not [box for box in boxes if box.overlaps(axes.get_window_extent(renderer))]


def test_the_ticks_of_a_panel_are_even() -> None:
    rows = rows_of(3)
    rows += [row(f"a-child-{place}", "", "same_pose_agreement", 0.32 + 0.035 * place) for place in range(3)]
    figure = ladder_figure(rows)
    panel = figure.axes[1]
    ticks = [float(panel.xaxis.get_major_formatter()(tick)) for tick in panel.xaxis.get_major_locator()()]
    steps = {round(other - one, 6) for one, other in itertools.pairwise(ticks)}
    assert len(steps) == 1
