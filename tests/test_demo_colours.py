"""The colours of the page never say more than its words, and an error stays where its result is."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from demo.handlers import human, machine, quality
from demo.handlers.watermark import check_text
from demo.ui import face_boxes, html
from demo.ui.area import refuse_here
from demo.ui.reports import human as human_reports
from demo.ui.reports import machine as machine_reports
from demo.ui.reports import quality as quality_reports
from engine.errors import UsageError
from engine.faces.finder import Face, FaceError, choose
from engine.images.picture import Picture


@pytest.fixture(scope="module")
def crop(photos) -> Picture:
    return Picture(np.ascontiguousarray(photos["chelsea"][40:168, 100:228]))


def labels(pair: quality.PairQuality, *changed: tuple[str, float]) -> quality.PairQuality:
    """The same with other labels after the change, all sure of a cat before it."""
    given = tuple(
        replace(label, before="cat", confidence_before=0.9, after=after, confidence_after=share)
        for label, (after, share) in zip(pair.machines.labels, changed, strict=True)
    )
    return replace(pair, machines=replace(pair.machines, labels=given))


def test_two_pictures_are_green_only_where_the_machines_are_sure(crop):
    pair = quality.measure(crop, crop)
    likely = replace(pair, machines=replace(pair.machines, keep=0.9))
    unlikely = replace(pair, machines=replace(pair.machines, keep=0.2))
    sure, guess = [("cat", 0.9)] * 3, [("cat", 0.9), ("cat", 0.9), ("cat", 0.1)]
    kinds = [
        (labels(likely, *sure), "good"),
        (labels(unlikely, *sure), "mixed"),  # all keep it: not red
        (labels(likely, *guess), "plain"),
        (labels(likely, *sure[:2], ("dog", 0.9)), "mixed"),
        (labels(likely, *[("dog", 0.9)] * 3), "bad"),
    ]
    for given, kind in kinds:
        assert f'"jn-headline jn-{kind}"' in quality_reports.headline(given)
    assert quality_reports.table(labels(likely, *sure)).count("jn-kept") == 3
    assert quality_reports.table(labels(likely, *guess)).count("jn-kept") == 2
    disagreeing = tuple(
        replace(label, before=name, after=name, confidence_before=0.9, confidence_after=0.9)
        for label, name in zip(pair.machines.labels, ("cat", "dog", "cat"), strict=True)
    )
    divided = replace(pair, machines=replace(pair.machines, labels=disagreeing))
    assert "jn-kept" not in quality_reports.table(divided)


def test_noise_is_green_only_where_it_is_not_seen(crop):
    *_, view = human.measure(crop, "wu2017", 0.25, max_pixels=10**6)
    for level, word, kind in (
        (0.25, "Invisible", "good"),
        (0.5, "Hard to see", "plain"),
        (1.0, "Noticeable", "mixed"),
        (4.0, "Plainly visible", "mixed"),
        (0.0, "No noise", "plain"),
    ):
        text = human_reports.headline(replace(view, result=replace(view.result, level=level)))
        assert word in text
        assert f'"jn-headline jn-{kind}"' in text
    assert "threshold" not in human_reports.facts(view)  # 0 % or 100 % of pixels, by the level


def test_a_tolerated_change_is_green_only_where_the_machines_are_sure(photos):
    view = machine.measure(Picture(photos["chelsea"]), 1.0, max_pixels=60_000)
    for share, kind in ((0.9, "good"), (0.1, "plain")):
        changed = tuple(
            replace(label, before="cat", after="cat", confidence_before=0.9, confidence_after=share)
            for label in view.result.labels
        )
        result = replace(view.result, labels=changed)
        assert f'"jn-headline jn-{kind}"' in machine_reports.headline(replace(view, result=result))


def test_an_error_of_a_handler_stays_where_its_result_would_be():
    outputs = ["status", "headline", "picture"]

    def steps(value):
        yield "at work", "", None
        raise UsageError("too <large>")

    *_, last = refuse_here(steps, outputs)(1)
    assert last[0] == ""  # nothing is being done any more: no Stop
    assert last[1] == html.refusal("too <large>")
    assert "Too &lt;large&gt;" in last[1]
    assert last[2] == gr.skip()
    assert refuse_here(lambda: check_text(""), outputs)()[1].count("Write a text first") == 1


def test_a_face_is_refused_for_what_is_wrong_with_it():
    def face(box: tuple[int, int, int, int]) -> Face:
        return Face(box, np.zeros((5, 2)), 2.0, None)

    small, cut = face((50, 50, 80, 80)), face((128, -86, 771, 557))
    with pytest.raises(FaceError, match="has 30 pixels, below 40"):
        choose([small], 1, (800, 800), "photo")
    with pytest.raises(FaceError, match="cut off by the edge"):
        choose([cut], 1, (800, 800), "photo")
    named = {"number": 1, "box": (0, 0, 9, 9), "side": 9, "usable": False}
    assert "too small" in face_boxes.label_of(face_boxes.FoundFace(**named))
    assert "cut off by the edge" in face_boxes.label_of(face_boxes.FoundFace(**named, whole=False))


def test_faces_in_two_pictures_are_compared_and_their_absence_is_no_error(photos):
    from demo.handlers import faces

    head = Picture(np.ascontiguousarray(photos["astronaut"][:256, 96:352]))
    text = quality_reports.faces(faces.compare_if_any(head, head))
    assert "the same person" in text
    assert quality_reports.faces(faces.compare_if_any(head, Picture(photos["coffee"]))) == ""
