"""Faces in a photo: where they are, their five landmarks, and dlib's own embedding of them.

Detection is dlib's HOG detector (`engine.faces.detector`), the landmarks its 5-point model, the
recogniser its C++ one: the check on every embedding of the PyTorch port. All of it may
be called from several threads. Each call is given the part of the photo around the face, for dlib
keeps every other Python thread waiting while it copies a picture or describes a face. Needs
`dlib-bin`; the two model files come with `face-recognition-models` (CC0), whose package is not
imported, for it needs a module that Python no longer has. A model file is loaded only if its
sha256 is the known one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import numpy as np

from ..errors import ImageError, UsageError, WeightsError
from ..models.locate import checked
from .chip import DLIB, Chip, Framing, locate_chip
from .detector import OVERLAP, SURE, Detection, Detector, overlap, smallest
from .turns import WORDS, box_after, box_before, points_before, turned

REMEDY = "run pip install 'just-noticeable[faces]'"
SAME = 0.6  # descriptors closer than this are of one person (dlib's threshold)
SMALLEST = 40  # pixels of a face's box: below, landmarks are guesses
LATEST = 8  # photos whose faces are remembered: the demo needs each several times
FILES = {  # name: sha256
    "shape_predictor_5_face_landmarks.dat": (
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
    ),
    "dlib_face_recognition_resnet_model_v1.dat": (
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
    ),
}


class FaceError(ImageError):
    """A photo without the requested face."""


@dataclass(frozen=True)
class Face:
    """One face in a photo.

    box: (left, top, right, bottom) of the detector, exclusive, in pixels, may reach outside;
    landmarks: float64 5×2, (x, y); confidence: the detector's, above 0; chip: where the aligned
    chip lies; turn: quarter turns of the photo, counter-clockwise, in which the face is upright.
    """

    box: tuple[int, int, int, int]
    landmarks: np.ndarray
    confidence: float
    chip: Chip
    turn: int = 0

    @property
    def sure(self) -> bool:
        """Whether the detector is: some of the others are no faces (see `.detector`)."""
        return self.confidence >= SURE

    @property
    def side(self) -> int:
        return min(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def overlap(self, box: tuple[float, float, float, float]) -> float:
        """Intersection over union of the detector's boxes, 0…1."""
        return overlap(self.box, box)


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
        self._dlib, self._one_at_a_time = dlib, Lock()
        self._latest: dict[tuple, list[Face]] = {}  # by the photo's digest; never its pixels
        self._detector = Detector(dlib.get_frontal_face_detector)
        self._predictor = dlib.shape_predictor(landmarks)
        self._recogniser = dlib.face_recognition_model_v1(recogniser)

    def find(self, pixels: np.ndarray) -> list[Face]:
        """Faces in uint8 H×W×3: the sure ones, largest first, then the others, surest first.

        Where there is no sure one, the photo is gone over in its other three turns, as a whole:
        what is sure in one of them is preferred. Boxes and landmarks are the photo's own.
        """
        pixels = np.ascontiguousarray(pixels)
        known = pixels.shape, hashlib.sha256(pixels).digest()
        found = self._latest.get(known)
        if found is None:
            found = self._find(pixels)
            with self._one_at_a_time:
                self._latest = dict([*self._latest.items(), (known, found)][-LATEST:])
        return list(found)

    def _find(self, pixels: np.ndarray) -> list[Face]:
        faces = self._faces(pixels, self._detector.find(pixels))
        if not any(face.sure for face in faces):
            others = [
                self._faces(pixels, self._detector.in_whole(turned(pixels, turn)), turn)
                for turn in WORDS
            ]
            sure = [[face for face in each if face.sure] for each in others]
            faces = max(sure, key=_surest, default=[]) or faces
        return sorted(
            faces, key=lambda face: (not face.sure, -face.side if face.sure else -face.confidence)
        )

    def find_again(self, pixels: np.ndarray, box: tuple, turn: int = 0) -> tuple[Face, bool]:
        """The face that was in this box of a like photo -> (`Face`, whether it was found).

        It is searched for as `find` does, but of the small ones only nearby. Where it is not found,
        the face is what lies in the box.
        """
        height, width = pixels.shape[:2]
        upright, near = turned(pixels, turn), box_after(box, turn, width, height)
        boxes = self._detector.in_whole(upright)
        if not any(overlap(each.box, near) >= OVERLAP for each in boxes):
            boxes = self._detector.find(upright, near=tuple(round(value) for value in near))
        best = max(boxes, key=lambda each: overlap(each.box, near), default=None)
        if best is None or overlap(best.box, near) < OVERLAP:
            return self.at(pixels, box, turn=turn), False
        return self._faces(pixels, [best], turn)[0], True

    def _faces(self, pixels: np.ndarray, found: list[Detection], turn: int = 0) -> list[Face]:
        """Of boxes in the turned photo."""
        height, width = pixels.shape[:2]
        return [
            self.at(pixels, box_before(each.box, turn, width, height), each.confidence, turn)
            for each in found
        ]

    def at(self, pixels: np.ndarray, box: tuple, confidence: float = 0.0, turn: int = 0) -> Face:
        """The face in this box, (left, top, right, bottom) exclusive, found or not."""
        height, width = pixels.shape[:2]
        box = tuple(round(value) for value in box)
        left, top, right, bottom = box_after(box, turn, width, height)
        rectangle = self._dlib.rectangle(left, top, right - 1, bottom - 1)
        with self._one_at_a_time:
            shape = self._predictor(turned(np.ascontiguousarray(pixels), turn), rectangle)
        points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        landmarks = points_before(points, turn, width, height)
        chip = locate_chip(landmarks, width, height)
        return Face(box, landmarks, float(confidence), chip, turn)

    def chip(self, pixels: np.ndarray, face: Face, framing: Framing = DLIB) -> np.ndarray:
        """A face chip as dlib itself cuts it out, uint8 S×S×3, 150×150 for its own recogniser."""
        first, upper, last, lower = face.chip.framed(framing).box
        part = np.ascontiguousarray(pixels[upper:lower, first:last])
        left, top, right, bottom = face.box
        rectangle = self._dlib.rectangle(
            left - first, top - upper, right - first - 1, bottom - upper - 1
        )
        points = [self._dlib.point(int(x) - first, int(y) - upper) for x, y in face.landmarks]
        shape = self._dlib.full_object_detection(rectangle, points)
        return self._dlib.get_face_chip(part, shape, framing.side, framing.padding)

    def describe(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        """dlib's own descriptor of a face, float32 128, from its own chip."""
        return self.describe_chip(self.chip(pixels, face))

    def describe_chip(self, chip: np.ndarray) -> np.ndarray:
        """dlib's own descriptor of an aligned chip, uint8 150×150×3 -> float32 128."""
        with self._one_at_a_time:
            return np.array(self._recogniser.compute_face_descriptor(chip), np.float32)


def _surest(faces: list[Face]) -> float:
    return max((face.confidence for face in faces), default=0.0)


@lru_cache(maxsize=1)
def load_finder() -> FaceFinder:
    """The `FaceFinder`, loaded once."""
    return FaceFinder()


def whole(face: Face, width: int, height: int) -> bool:
    """Whether the face is large enough and lies within the photo, but for a margin."""
    left, top, right, bottom = face.box
    slack = 0.1 * face.side
    inside = (
        left >= -slack and top >= -slack and right <= width + slack and bottom <= height + slack
    )
    return inside and face.side >= SMALLEST


def searched(faces: list[Face], size: tuple[int, int]) -> tuple[str, ...]:
    """Notes on how these faces were found in a photo of this (width, height)."""
    notes = []
    if smallest(*size) > SMALLEST:
        notes.append(
            f"in a photo this large, faces of {smallest(*size)} pixels or more are looked for"
        )
    if faces and faces[0].turn:
        notes.append(
            f"the photo lies on its side or head: its faces were found with it turned by "
            f"{WORDS[faces[0].turn]}, and it stays as it is"
        )
    return tuple(notes)


def no_face(name: str, size: tuple[int, int]) -> FaceError:
    """The message about a photo of this (width, height) in which no face was found."""
    return FaceError(
        f"{name}: no face found, upright or turned: a face must look at the camera and be "
        f"{smallest(*size)} pixels or more"
    )


def choose(
    faces: list[Face], number: str | int | None, size: tuple[int, int], name: str
) -> list[Face]:
    """The requested faces: "all" sure ones, a number from 1, or the only sure one.

    faces: in the order of `FaceFinder.find`; the surest one counts where none is sure. Raises
    FaceError: none, several without a choice, a number too high, too small or cut off; UsageError:
    what is neither a number nor "all".
    """
    number = choice_of(number)
    if not faces:
        raise no_face(name, size)
    sure = [face for face in faces if face.sure] or faces[:1]
    if number is None and len(sure) > 1:
        places = "; ".join(
            f"{k}: {face.side} pixels at ({face.box[0]}, {face.box[1]})"
            for k, face in enumerate(sure, 1)
        )
        raise FaceError(
            f"{name} has {len(sure)} faces ({places}): choose one with --face N, or all"
        )
    if number == "all":
        chosen = [face for face in sure if whole(face, *size)] or sure
    else:
        place = number or 1
        if place > len(faces):
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


def choice_of(number: object) -> int | str | None:
    """None, "all", or a face's number from 1, which may be given as text. Raises UsageError."""
    if number is None or number == "all":
        return number
    whole_number = isinstance(number, int) and not isinstance(number, bool)
    text = str(number) if whole_number or isinstance(number, str) else ""
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise UsageError(f"face {number!r} is no choice: give a number from 1, or all")
    return int(text)
