"""Faces in a photo: where they are, their five landmarks, and what dlib itself says of them.

Detection is dlib's HOG detector, the landmarks its 5-point model, the recogniser its C++ one: the
second opinion on everything that the PyTorch port says. Needs `dlib-bin`; the two model files come
with `face-recognition-models` (CC0), whose package is not imported, for it needs a module that
Python no longer has. A model file is loaded only if its sha256 is the known one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from .chip import PADDING, SIDE, Chip, locate_chip
from .errors import ImageError, WeightsError
from .models import checked

REMEDY = "run pip install 'just-noticeable[faces]'"
SAME = 0.6  # descriptors closer than this are of one person (dlib's threshold)
SMALLEST = 40  # pixels of a face's box: below, landmarks are guesses
LARGEST = 1_600_000  # pixels in which faces are looked for; landmarks use the whole photo
WINDOW = 80  # pixels of the detector's
SMALL = 400_000  # pixels below which the photo is enlarged once more to look
FILES = {  # name: sha256
    "shape_predictor_5_face_landmarks.dat": (
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
    ),
    "dlib_face_recognition_resnet_model_v1.dat": (
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
    ),
}


class FaceError(ImageError):
    """A photo without the face that was asked for."""


@dataclass(frozen=True)
class Face:
    """One face in a photo.

    box: (left, top, right, bottom) of the detector, exclusive, in pixels, may reach outside;
    landmarks: float64 5×2, (x, y); confidence: the detector's, above 0; chip: where the aligned
    chip lies.
    """

    box: tuple[int, int, int, int]
    landmarks: np.ndarray
    confidence: float
    chip: Chip

    @property
    def side(self) -> int:
        return min(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def overlap(self, box: tuple[float, float, float, float]) -> float:
        """Intersection over union of the detector's boxes, 0…1."""
        a, b = np.array(self.box, float), np.array(box, float)
        shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
        return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def model_file(name: str) -> Path:
    """One of dlib's model files, checked. Raises WeightsError."""
    package = find_spec("face_recognition_models")
    if package is None:
        raise WeightsError(f"{name} comes with face-recognition-models, not installed: {REMEDY}")
    path = Path(package.submodule_search_locations[0]) / "models" / name
    if not path.is_file():
        raise WeightsError(f"{path} is missing: install face-recognition-models again")
    return checked(path, "face-recognition-models", FILES[name]).path


class FaceFinder:
    """dlib's detector, landmarks and recogniser. Raises WeightsError where dlib is missing."""

    def __init__(self):
        try:
            import dlib
        except ModuleNotFoundError as error:
            if error.name != "dlib":
                raise  # it is here, but not whole
            raise WeightsError(f"faces need dlib: {REMEDY}") from None
        landmarks, recogniser = (str(model_file(name)) for name in FILES)
        self._dlib = dlib
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(landmarks)
        self._recogniser = dlib.face_recognition_model_v1(recogniser)

    def find(self, pixels: np.ndarray) -> list[Face]:
        """Faces in uint8 H×W×3, largest first.

        Very large photos are scaled down to look, small ones up; the landmarks are always those
        of the photo itself.
        """
        height, width = pixels.shape[:2]
        scale = min(1.0, (LARGEST / (width * height)) ** 0.5)
        seen = pixels
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            seen = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
        rectangles, confidences, _ = self._detector.run(
            np.ascontiguousarray(seen), 1 if seen.shape[0] * seen.shape[1] <= SMALL else 0, 0.0
        )
        zoom = (width / seen.shape[1], height / seen.shape[0])
        faces = []
        for found, confidence in zip(rectangles, confidences, strict=True):
            left, right = (round(x * zoom[0]) for x in (found.left(), found.right() + 1))
            top, bottom = (round(y * zoom[1]) for y in (found.top(), found.bottom() + 1))
            faces.append(self.at(pixels, (left, top, right, bottom), confidence))
        return sorted(faces, key=lambda face: -face.side)

    def at(self, pixels: np.ndarray, box: tuple, confidence: float = 0.0) -> Face:
        """The face in this box, (left, top, right, bottom) exclusive, found or not."""
        left, top, right, bottom = (round(value) for value in box)
        rectangle = self._dlib.rectangle(left, top, right - 1, bottom - 1)
        shape = self._predictor(np.ascontiguousarray(pixels), rectangle)
        landmarks = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        chip = locate_chip(landmarks, pixels.shape[1], pixels.shape[0])
        return Face((left, top, right, bottom), landmarks, float(confidence), chip)

    def _shape(self, face: Face):
        left, top, right, bottom = face.box
        points = [self._dlib.point(int(x), int(y)) for x, y in face.landmarks]
        rectangle = self._dlib.rectangle(left, top, right - 1, bottom - 1)
        return self._dlib.full_object_detection(rectangle, points)

    def chip(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        """dlib's own face chip, uint8 150×150×3."""
        photo = np.ascontiguousarray(pixels)
        return self._dlib.get_face_chip(photo, self._shape(face), SIDE, PADDING)

    def describe(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        """dlib's own descriptor of a face, float32 128, from its own chip."""
        photo, shape = np.ascontiguousarray(pixels), self._shape(face)
        found = self._recogniser.compute_face_descriptor(photo, shape, 0, PADDING)
        return np.array(found, np.float32)

    def describe_chip(self, chip: np.ndarray) -> np.ndarray:
        """dlib's own descriptor of an aligned chip, uint8 150×150×3 -> float32 128."""
        return np.array(self._recogniser.compute_face_descriptor(chip), np.float32)


@lru_cache(maxsize=1)
def load_finder() -> FaceFinder:
    """The `FaceFinder`, loaded once."""
    return FaceFinder()


def smallest(width: int, height: int) -> int:
    """Pixels of the smallest face's box that is found in a photo of this size."""
    if width * height <= SMALL:
        return WINDOW // 2
    return math.ceil(WINDOW * max(1.0, (width * height / LARGEST) ** 0.5))


def whole(face: Face, width: int, height: int) -> bool:
    """Whether the face is large enough and lies within the photo, but for a margin."""
    left, top, right, bottom = face.box
    slack = 0.1 * face.side
    inside = (
        left >= -slack and top >= -slack and right <= width + slack and bottom <= height + slack
    )
    return inside and face.side >= SMALLEST


def choose(faces: list[Face], number: str | None, size: tuple[int, int], name: str) -> list[Face]:
    """The faces that were asked for: "all", a number from 1 (largest first), or the only one.

    Raises FaceError: none, several without a choice, a number too high, too small or cut off.
    """
    if not faces:
        raise FaceError(
            f"{name}: no face found: in a photo of this size a face must look at the camera and be "
            f"{smallest(*size)} pixels or more"
        )
    if number is None and len(faces) > 1:
        places = "; ".join(
            f"{k}: {face.side} pixels at ({face.box[0]}, {face.box[1]})"
            for k, face in enumerate(faces, 1)
        )
        raise FaceError(
            f"{name} has {len(faces)} faces ({places}): choose one with --face N, or all"
        )
    if number == "all":
        chosen = [face for face in faces if whole(face, *size)] or faces
    else:
        if number is not None and not number.isdecimal():
            raise FaceError(f"--face {number} is no choice: give a number from 1, or all")
        place = int(number or 1)
        if not 1 <= place <= len(faces):
            raise FaceError(
                f"{name} has {len(faces)} faces, none is number {place}: choose another"
            )
        chosen = [faces[place - 1]]
    for face in chosen:
        if not whole(face, *size):
            raise FaceError(
                f"{name}: the face of {face.side} pixels at ({face.box[0]}, {face.box[1]}) is cut "
                f"off or below {SMALLEST} pixels: use a photo that shows more of it"
            )
    return chosen
