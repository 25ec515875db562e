"""A face recogniser that takes part in no attack: it is evaluated when all is done.

MobileFaceNet, an ONNX file that is not in this repository. One 112×112 face per call, aligned by
dlib's five landmarks; the descriptor is the normalised sum of the face's and its mirror image's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from engine.errors import WeightsError
from engine.faces.chip import similarity
from engine.faces.finder import Face

# Of the file that the published rows were measured with.
SHA256 = "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507"
SIDE = 112
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
# The usual template: eye centres and the nose. dlib gives the eyes' corners and the nose's base,
# which lies a little below the tip that the template means.
PLACES = np.array([(73.5, 51.5), (38.3, 51.7), (56.0, 76.0)])


class Onlooker:
    """uint8 photo and face -> a unit vector, float32 128; compare by the inner product."""

    def __init__(self, path: Path):
        import onnxruntime

        if not path.is_file():
            raise WeightsError(f"{path}: no such file: name mobilefacenet_unseen.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def describe(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        points = face.landmarks
        three = np.stack([points[:2].mean(0), points[2:4].mean(0), points[4]])
        matrix = similarity(PLACES, three)  # from the template to the photo
        chip = Image.fromarray(pixels).transform(
            (SIDE, SIDE), Image.Transform.AFFINE, matrix.flatten(), Image.Resampling.BILINEAR
        )
        x = (np.asarray(chip, np.float32) / 255 - MEAN) / DEVIATION
        total = sum(self._run(each) for each in (x, x[:, ::-1]))
        return total / np.linalg.norm(total)

    def _run(self, x: np.ndarray) -> np.ndarray:
        batch = np.ascontiguousarray(x.transpose(2, 0, 1)[None])
        descriptor = self._session.run(None, {self._input: batch})[0][0]
        return descriptor / np.linalg.norm(descriptor)
