"""Detection and verification of faces as endpoints."""

from __future__ import annotations

import gradio as gr

from ..handlers import faces as handler
from ..server.limits import Limits
from ..server.uploads import open_upload
from .components import add_endpoint, picture_parameter


def add_find_faces(limits: Limits) -> None:
    """Add `find_faces`."""

    def find_faces(photo):
        """The faces in a photo: the certain ones, largest first, then the uncertain ones.

        Args:
            photo (image): The photo.

        Returns:
            A list of faces: number, box (left, top, right, bottom), side in pixels, usable, sure.
        """
        return [face.to_dict() for face in handler.find(open_upload(photo, limits))]

    add_endpoint(find_faces, [picture_parameter("photo")], [gr.JSON(label="faces")])


def add_verify_faces(limits: Limits) -> None:
    """Add `verify_faces`."""

    def verify_faces(first, second):
        """Whether two photos show the same person, to two recognisers: use it to test a cloak.

        Args:
            first (image): A photo; its largest sure face counts.
            second (image): Another photo.

        Returns:
            same, distance, the threshold below which faces are the same, all of dlib's recogniser;
            the number of faces in each photo; recognisers: the first three of each, by name.
        """
        return handler.compare(open_upload(first, limits), open_upload(second, limits)).to_dict()

    add_endpoint(
        verify_faces,
        [picture_parameter("first"), picture_parameter("second")],
        [gr.JSON(label="verdict")],
    )
