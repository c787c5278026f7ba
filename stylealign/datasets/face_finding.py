"""Faces found by the program: dlib's detector and its 68 points (extra `faces`).

The weights of the points come with the package face_recognition_models. They were learnt on iBUG 300-W (Sagonas et al.
2016), whose licence allows research alone.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.errors import StyleAlignError

LARGEST_SEARCHED_PX = 1024
"""Larger pictures are searched at this length of the longer side."""
LARGEST_UPSAMPLED_PX = 640
"""Pictures whose longer side is at most this are searched at twice their size where no face is found at their own: the
detector's window has 80 px, and larger pictures bring false finds."""
LEAST_SCORE = 0.3
"""Score of the detector from which on a find counts as a face: folds and buttons reach 0.1 beside a face of 1.5."""
MODEL = Path("models") / "shape_predictor_68_face_landmarks.dat"

_JAW = [f"left_jaw_{place}" for place in range(8)] + ["chin"] + [f"right_jaw_{place}" for place in range(7, -1, -1)]
_BROWS = [f"left_brow_{place}" for place in range(5)] + [f"right_brow_{place}" for place in range(4, -1, -1)]
_NOSE = [f"nose_bridge_{place}" for place in range(3)] + ["nose_tip"]
_NOSTRILS = ["left_nostril_0", "left_nostril_1", "nostrils", "right_nostril_1", "right_nostril_0"]
_LEFT_EYE = ["left_eye_outer", "left_eye_top_0", "left_eye_top_1", "left_eye_inner", "left_eye_low_1", "left_eye_low_0"]
_RIGHT_EYE = [
    *("right_eye_inner", "right_eye_top_1", "right_eye_top_0"),
    *("right_eye_outer", "right_eye_low_0", "right_eye_low_1"),
]
_MOUTH = [
    *("left_mouth", "left_lip_top_0", "left_lip_top_1", "lip_top", "right_lip_top_1", "right_lip_top_0"),
    *("right_mouth", "right_lip_low_0", "right_lip_low_1", "lip_low", "left_lip_low_1", "left_lip_low_0"),
    *("left_mouth_inner", "left_inner_top", "inner_top", "right_inner_top"),
    *("right_mouth_inner", "right_inner_low", "inner_low", "left_inner_low"),
]
NAMES = tuple(_JAW + _BROWS + _NOSE + _NOSTRILS + _LEFT_EYE + _RIGHT_EYE + _MOUTH)
"""Names of the 68 points in the detector's order; left and right are the viewer's."""
EYE_CORNERS = ("left_eye_outer", "right_eye_outer")
"""The pair whose distance is the unit of errors, as is usual for these points."""


def find_faces(image: Image.Image) -> list[NDArray[np.float64]]:
    """Return the 68 points (x, y) `[68, 2]` of every face in an upright RGB picture, in its pixels, the largest first.

    Raises:
        StyleAlignError: the extra `faces` is not installed.
    """
    dlib, predictor = _tools()
    longer = max(image.size)
    scale = min(1.0, LARGEST_SEARCHED_PX / longer)
    searched = image if scale == 1 else image.resize([max(1, round(side * scale)) for side in image.size])
    detect = dlib.get_frontal_face_detector()
    boxes, _, _ = detect.run(np.asarray(searched), 0, LEAST_SCORE)
    if not boxes and longer <= LARGEST_UPSAMPLED_PX:
        boxes, _, _ = detect.run(np.asarray(searched), 1, LEAST_SCORE)
    pixels = np.asarray(image)
    found = []
    for box in sorted(boxes, key=lambda box: -box.area()):
        sides = (box.left(), box.top(), box.right(), box.bottom())
        shape = predictor(pixels, dlib.rectangle(*(round(side / scale) for side in sides)))
        found.append(np.array([(point.x + 0.5, point.y + 0.5) for point in shape.parts()]))
    return found


def five_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the landmarks `[5, 2]` of `faces.POINTS` from the 68 points: middles of the eyes, nose, mouth corners."""
    places = {name: points[place] for place, name in enumerate(NAMES)}
    eyes = [np.mean([places[name] for name in eye], axis=0) for eye in (_LEFT_EYE, _RIGHT_EYE)]
    return np.stack([*eyes, places["nose_tip"], places["left_mouth"], places["right_mouth"]])


@cache
def _tools() -> tuple[ModuleType, Any]:
    """Return dlib and the predictor of the points. The package of the weights cannot be imported by new Pythons."""
    spec = find_spec("face_recognition_models")
    folder = None if spec is None or spec.origin is None else Path(spec.origin).parent
    try:
        import dlib
    except ImportError as error:
        raise StyleAlignError("faces: finding them needs dlib: pip install 'stylealign[faces]'") from error
    if folder is None or not (folder / MODEL).is_file():
        raise StyleAlignError("faces: their points need face_recognition_models: pip install 'stylealign[faces]'")
    return dlib, dlib.shape_predictor(str(folder / MODEL))
