"""What classifiers predict, as HTML."""

from __future__ import annotations

from html import escape

from engine.panels.predicted import LabelChange

from ...handlers.machine import SURE
from ..html import table

# Of the panel for thumbnails, and of that for photographs.
NAMES = {
    "alexnet": "AlexNet",
    "vgg": "VGG",
    "resnet": "ResNet",
    "densenet": "DenseNet",
    "efficientnet-lite0": "EfficientNet 0",
    "efficientnet-lite1": "EfficientNet 1",
    "efficientnet-lite2": "EfficientNet 2",
}
FEW = 12  # classes that are named one by one
IMAGENET = (
    "These machines have 1,000 answers, ImageNet's: animals, plants and things. None of them is a "
    "person or a face."
)


def label_cell(label: str, confidence: float, same: bool | None) -> str:
    """One classifier's label, its confidence as a bar, and whether it is the original's.

    A label below `SURE` is given as a guess.
    """
    mark = {None: "", True: '<span class="jn-mark" role="img" aria-label="kept">✓</span>'}.get(
        same, '<span class="jn-mark" role="img" aria-label="changed">✗</span>'
    )
    kind = {None: "plain", True: "kept"}.get(same, "lost")
    guess = "<small>unsure:</small> " if confidence < SURE else ""
    return (
        f'<span class="jn-answer jn-{kind}">{mark}<span>{guess}<b>{escape(label)}</b></span> '
        f"<i>{confidence:.0%}</i>"
        f'<span class="jn-bar" style="--share:{confidence:.3f}" aria-hidden="true"></span></span>'
    )


def name_of(label: LabelChange) -> str:
    """A classifier's name as people write it."""
    return NAMES.get(label.classifier, label.classifier)


def classes_in_words(names: tuple[str, ...]) -> str:
    """What a classifier can predict at all."""
    if len(names) <= FEW:
        return f"The only answers these machines have: {', '.join(names)}."
    return IMAGENET


def before_and_after(
    labels: tuple[LabelChange, ...], heads: tuple[str, str], kept: dict[str, bool | None]
) -> str:
    """The label of each classifier of two pictures; kept: by classifier, None for neither."""
    rows = [
        [
            escape(name_of(label)),
            label_cell(label.before, label.confidence_before, None),
            label_cell(label.after, label.confidence_after, kept[label.classifier]),
        ]
        for label in labels
    ]
    caption = "What each machine answers, and how sure it is"
    return table(["Machine", *heads], rows, caption, "jn-answers")
