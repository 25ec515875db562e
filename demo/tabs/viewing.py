"""Viewing test: pairs side by side, a signed scale, the analysis of many viewers' answers."""

from __future__ import annotations

import secrets
import time
from functools import partial
from pathlib import Path

import gradio as gr

from engine.errors import UsageError
from engine.human.stimuli import FLAT, ORIGINAL
from engine.models.available import human_models

from ..handlers import answer_files
from ..handlers import viewing as handler
from ..handlers.viewer_statistics import Results, analyse
from ..server.limits import Limits
from ..server.uploads import Upload, read_upload, save_file, save_file_data
from ..server.validation import show_errors, to_number
from ..ui import html
from ..ui.changes import clear_results
from ..ui.photo import samples
from ..ui.reports import viewing as reports

INTRO = """
## Which of two changes bothers people less?
You see pairs of pictures and say which looks better. It takes a few minutes.
"""
METHOD = """
Pairs come in random order and on random sides, after
[ITU-R BT.500](https://www.itu.int/rec/R-REC-BT.500), as in
[Xue et al. 2023](https://doi.org/10.1186/s13677-023-00470-2). The answers are yours to download;
several viewers' files together give means and deviations, and viewers who answered at random are
screened out.
"""
SCREEN = "Sit at arm's length from the screen."
NARROW = "A larger screen is better: on this one each picture is shown small."
OWN = """
Name them `PICTURE.METHOD.png`, as in `face.ours.png` and `face.pgd.png`: what *Compare methods*
offers for download is named so. Every two methods of a picture are shown against each other.
"""
PAIR = """
{{#if value}}
<div class="jn-viewing">
  <figure><img src="{{value.left.url}}" alt="The left picture">
    <figcaption>Left</figcaption></figure>
  <figure><img src="{{value.right.url}}" alt="The right picture">
    <figcaption>Right</figcaption></figure>
</div>
{{/if}}
"""
EXAMPLE = "An example of a pair: white noise on the right."


def pair(elem_id: str) -> gr.HTML:
    """An empty component for two pictures side by side."""
    return gr.HTML(html_template=PAIR, js_on_load="", elem_id=elem_id, apply_default_css=False)


def kinds() -> dict[str, str]:
    """What noise can be compared, and its labels."""
    return handler.KINDS | {name: f"noise by {name}" for name in human_models()}


def results_of(uploads: list[Upload] | None, limits: Limits) -> Results:
    """The analysis of several viewers' files. Raises EngineError."""
    uploads = uploads or []
    if len(uploads) > limits.viewers:
        raise UsageError(f"{len(uploads)} files; the limit is {limits.viewers}")
    answers = []
    for upload in uploads:
        name, data = read_upload(upload, limits, limits.answer_bytes)
        answers += answer_files.from_csv(data, name)
    return analyse(answers)


def begin(chosen: list[str], own: list[Upload] | None, psnr_db: float, limits: Limits):
    """A new viewer's test. Raises EngineError."""
    pictures: dict[tuple[str, str], bytes] = {}
    if own:
        files = (read_upload(upload, limits) for upload in own)  # one in memory at a time
        pictures = handler.own_pictures(files, limits.gallery_pixels, limits.viewing_bytes)
        shown: dict[str, list[str]] = {}
        for picture, kind in pictures:
            shown.setdefault(picture, []).append(kind)
    else:
        unknown = set(chosen) - set(kinds())
        if unknown:
            raise UsageError(f"no kind {', '.join(unknown)}: choose from {', '.join(kinds())}")
        shown = {name: list(chosen) for name in samples()}
    trials = handler.plan(shown, secrets.randbits(32), limits.pairs)
    return handler.Test(secrets.token_hex(4), trials, psnr_db, pictures)


def pictures_of(test: handler.Test, trial: handler.Trial) -> dict:
    """What a pair shows."""
    left, right = (
        save_file_data(handler.side(test, trial, kind, samples()), f"{side}.png")
        for side, kind in (("left", trial.left), ("right", trial.right))
    )
    return {"left": left, "right": right}


def stage(test: handler.Test) -> tuple:
    """The next pair, as the values of the stage's outputs."""
    trial, at = test.trial, len(test.scores)
    practice = sum(not each.counts for each in test.trials)
    text = f"Pair {at - practice + 1} of {len(test.trials) - practice}"
    if not trial.counts:
        text = f"Practice {at + 1} of {practice}: not counted"
    return pictures_of(test, trial), html.note(text, "busy"), time.monotonic()


def tab(limits: Limits, collect: Path | None) -> None:
    """Add the tab to the page. collect: where finished tests are stored, None for nowhere."""
    offered = kinds()
    usual = [ORIGINAL, FLAT, *human_models()[:1]]
    with gr.Tab("Viewing test", id="viewing") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        state, started = gr.State(None, time_to_live=7200), gr.State(0.0)
        with gr.Column() as setup:
            gr.HTML(html.note(SCREEN) + f'<div class="jn-narrow">{html.note(NARROW)}</div>')
            go = gr.Button("Start", variant="primary", elem_id="viewing-go", elem_classes="jn-go")
            gr.HTML(html.note(storage_note(collect)))
            example = pair("viewing-example")
            gr.HTML(html.note(EXAMPLE))
            with gr.Accordion("What is compared", open=False):
                chosen = gr.CheckboxGroup(
                    [(label, name) for name, label in offered.items()],
                    value=usual,
                    label="On four sample pictures",
                    elem_id="viewing-kinds",
                )
                psnr = gr.Slider(
                    *handler.PSNRS,
                    value=handler.PSNR,
                    step=1,
                    label="Noise in dB",
                    info="The same energy for every kind; lower is stronger.",
                )
                gr.Markdown(METHOD, elem_classes="jn-intro")
            with gr.Accordion("Or your own pictures", open=False):
                gr.Markdown(OWN)
                own = gr.File(
                    label="Pictures",
                    file_count="multiple",
                    file_types=["image"],
                    height=150,
                    elem_id="viewing-own",
                )
        with gr.Column(visible=False) as showing:
            status = gr.HTML(elem_id="viewing-status")
            shown = pair("viewing-pair")
            with gr.Row(elem_classes="jn-scale"):
                votes = [
                    gr.Button(text, size="sm", min_width=80, elem_id=f"viewing-vote{score:+d}")
                    for score, text in handler.WORDS.items()
                ]
            leave = gr.Button("Stop here", size="sm", elem_id="viewing-stop")
        with gr.Column(visible=False) as done:
            summary = gr.HTML(elem_id="viewing-summary")
            file = gr.File(label="Your answers", elem_id="viewing-file")
            again = gr.Button("Another viewer", elem_id="viewing-again")
        with gr.Accordion("Several viewers together", open=False):
            several = gr.File(
                label="Answer files (CSV) of all viewers",
                file_count="multiple",
                file_types=[".csv"],
                height=150,
                elem_id="viewing-several",
            )
            together = gr.HTML(elem_id="viewing-together")

    private = {"api_visibility": "private", "show_progress": "hidden"}
    private |= {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    groups = [setup, showing, done]

    def visible(which: int) -> tuple:
        return tuple(gr.Column(visible=place == which) for place in range(3))

    def over(test: handler.Test) -> tuple:
        """The end: state, stage, results; the answers are stored where the server collects them."""
        if not test.answers:
            return None, gr.skip(), gr.skip(), 0.0, "", None, *visible(0)
        whole = test.trial is None
        if collect is not None and whole:
            handler.collect(test, collect)
        stored = " They were kept by this server." if collect is not None and whole else ""
        text = reports.results_table(analyse(test.answers), kinds())
        table = html.headline("Thank you.", f"{len(test.answers)} answers.{stored}") + text
        csv = save_file(test.csv, f"viewing-{test.viewer}.csv")
        return None, gr.skip(), gr.skip(), 0.0, table, csv, *visible(2)

    @show_errors
    def start(chosen, own, psnr):
        test = begin(chosen or [], own, to_number(psnr, "PSNR"), limits)
        return test, *stage(test), "", None, *visible(1)

    @show_errors
    def vote(score: int, test, started):
        if test is None or test.trial is None:
            return None, *(gr.skip(),) * 5, *visible(0)
        test = test.with_answer(score, max(0.0, time.monotonic() - started))
        return over(test) if test.trial is None else (test, *stage(test), "", None, *visible(1))

    def first(seen):
        if seen:
            return gr.skip()
        trial = handler.Trial("Coffee", ORIGINAL, FLAT)
        return pictures_of(handler.Test("", (trial,), handler.PSNR, {}), trial)

    page.select(show_errors(first), example, example, preprocess=False, **private)
    outputs = [state, shown, status, started, summary, file, *groups]
    go.click(start, [chosen, own, psnr], outputs, preprocess=False, **private)
    for button, score in zip(votes, handler.WORDS, strict=True):
        button.click(
            partial(vote, score), [state, started], outputs, trigger_mode="once", **private
        )
    leave.click(show_errors(lambda test: over(test)), state, outputs, **private)
    again.click(lambda: visible(0), None, groups, **private)
    clear_results([several.upload, several.clear, several.delete], {together: ""})
    several.upload(
        show_errors(lambda uploads: reports.results_table(results_of(uploads, limits), kinds())),
        several,
        together,
        preprocess=False,
        **private,
    )


def storage_note(collect: Path | None) -> str:
    """Whether answers are stored, in words."""
    if collect is None:
        return "Nothing is stored on the server: your answers leave it with your download."
    return (
        "This server keeps the answers of finished tests (which picture, which kinds, the score, "
        "the seconds, a random name), and nothing else."
    )
