"""The faces of a photo: a numbered box around each, to be clicked, and a list of them."""

from __future__ import annotations

import gradio as gr

from engine.images.fit import fitted
from engine.images.picture import Picture, encode_png

from ..handlers.faces import FoundFace
from ..server.uploads import save_file_data

BOXES = """
{{#if value}}
<figure class="jn-faces">
  <div class="jn-stage" style="--ratio: {{value.ratio}}">
    <img src="{{value.photo.url}}" alt="Your photo with a numbered box around each face">
    {{#each value.boxes}}
    <button type="button" class="jn-box{{#unless usable}} jn-unusable{{/unless}}"
      data-number="{{number}}" aria-label="Face {{number}}"
      style="left:{{left}}%; top:{{top}}%; width:{{width}}%; height:{{height}}%"
    ><span aria-hidden="true">{{number}}</span></button>
    {{/each}}
  </div>
</figure>
{{/if}}
"""
CHOOSE = """
element.addEventListener('click', (event) => {
  const box = event.target.closest('.jn-box');
  if (box) trigger('select', {number: Number(box.dataset.number)});
});
"""


def label_of(face: FoundFace) -> str:
    small = "" if face.usable else ", cut off or too small"
    name = f"Face {face.number}" if face.sure else "Perhaps a face"
    return f"{name} ({face.side} pixels{small})"


def drawn(faces: list[FoundFace]) -> list[FoundFace]:
    """Those that get a box: where the detector is sure of any, the others are only listed."""
    return [face for face in faces if face.sure] or faces


def face_boxes(elem_id: str) -> gr.HTML:
    """An empty component; `overlay` is its value, its event `select` has the number of a box."""
    return gr.HTML(html_template=BOXES, js_on_load=CHOOSE, elem_id=elem_id, apply_default_css=False)


def overlay(picture: Picture, faces: list[FoundFace], preview_pixels: int) -> dict:
    """The photo, shrunk to preview_pixels, and where the boxes lie over it, in per cent."""
    width, height = picture.size
    small = fitted(picture, preview_pixels)
    return {
        "photo": save_file_data(encode_png(small.pixels), "photo.png"),
        "boxes": [
            {
                "number": face.number,
                "left": round(100 * face.box[0] / width, 3),
                "top": round(100 * face.box[1] / height, 3),
                "width": round(100 * (face.box[2] - face.box[0]) / width, 3),
                "height": round(100 * (face.box[3] - face.box[1]) / height, 3),
                "usable": face.usable,
            }
            for face in drawn(faces)
        ],
        "ratio": width / height,
    }


def choices(faces: list[FoundFace]) -> gr.Radio:
    """The list of the faces, the best usable one chosen; visible where there are several."""
    best = next((face for face in drawn(faces) if face.usable), faces[0])
    return gr.Radio(
        choices=[(label_of(face), face.number) for face in faces],
        value=best.number,
        visible=len(faces) > 1,
    )


def count(faces: list[FoundFace]) -> str:
    """How many faces there are, in words."""
    sure = sum(face.sure for face in faces)
    if not sure:
        return "Perhaps a face"
    return "One face" if sure == 1 else f"{sure} faces"


def clicked_box(event: gr.EventData) -> int:
    """The number of the box that was clicked."""
    return int(event.number)
