"""Scores of a model's samples, from a CSV file."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.errors import StyleAlignError


def read_scores(path: Path) -> tuple[list[int], NDArray[np.float64]]:
    """Return the seeds and scores of a CSV file: two columns, with or without a line of names.

    Raises:
        StyleAlignError: missing, not such a file, or a seed given twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise StyleAlignError(f"{path}: {error.strerror}; give a CSV file of seed,score") from error
    except UnicodeDecodeError as error:
        raise StyleAlignError(f"{path}: not UTF-8; save the file in that encoding") from error
    seeds: list[int] = []
    scores: list[float] = []
    try:
        rows = list(csv.reader(lines))
    except csv.Error as error:
        raise StyleAlignError(f"{path}: not a CSV file of seed,score ({error})") from error
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and not any(_is_number(cell) for cell in cells[:2])):
            continue
        try:
            seed, score = int(cells[0]), float(cells[1])
        except (ValueError, IndexError):
            raise StyleAlignError(f"{path}: line {number} is no seed,score: {','.join(row)[:80]!r}") from None
        if not 0 <= seed < 2**32 or not np.isfinite(score):
            raise StyleAlignError(f"{path}: line {number}: a seed from 0 to 2^32 - 1 and a finite score are needed")
        seeds.append(seed)
        scores.append(score)
    if len(set(seeds)) < len(seeds):
        twice = next(seed for seed in seeds if seeds.count(seed) > 1)
        raise StyleAlignError(f"{path}: seed {twice} is there twice; give each once")
    if not seeds:
        raise StyleAlignError(f"{path}: no line of seed,score")
    return seeds, np.array(scores)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
