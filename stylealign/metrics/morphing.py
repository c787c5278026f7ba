"""Rows of what `stylealign morph` measured."""

from typing import Any

import numpy as np

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.metrics.bootstrap import mean_estimate
from stylealign.metrics.rows import Labels, Row

METRICS = ("path_length", "step_ratio", "endpoint_error")


def morphing_rows(content: dict[str, Any], source: str, labels: Labels, settings: MetricSettings) -> list[Row]:
    """Return one row for each method and metric.

    Args:
        content: metrics.json of `stylealign morph`: `methods` -> method -> metric -> one value an image; `features`.
        source: file the content is from, for errors.
        labels: labels of the rows; a method there keeps only that method.
        settings: bootstrap.

    Raises:
        StyleAlignError: not such a file, or without the wanted method.
    """
    try:
        features = str(content["features"])
        methods = {method: {metric: np.array(columns[metric], dtype=np.float64) for metric in METRICS}
                   for method, columns in content["methods"].items()}  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StyleAlignError(
            f"{source}: not the metrics of a morph ({error}); make it again with `stylealign morph`"
        ) from error
    wanted = [labels.method] if labels.method else list(methods)
    rows = []
    for method in wanted:
        if method not in methods:
            raise StyleAlignError(f"{source}: no method {method!r}; it has {', '.join(methods)}")
        group = Labels(labels.table, labels.parent, labels.child, method, labels.setting)
        for metric, values in methods[method].items():
            rows.append(group.row(metric, mean_estimate(values, settings.bootstrap, settings.seed), features))
    return rows
