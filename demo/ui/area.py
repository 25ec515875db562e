"""Where a tab shows its result: what is being done or was found, and one picture below it.

On a phone the page moves there when work begins that a visitor has asked for in this tab.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import gradio as gr

from engine.errors import EngineError

from . import html

# The part of the area that must be in sight, in pixels: the finding and most of the picture.
MOVE = """
let busy = false;
let asked = false;
const tab = element.closest('.jn-columns') || element.parentElement;
for (const event of ['click', 'change', 'drop', 'paste'])
  tab.addEventListener(event, () => { asked = true; }, true);
watch('value', () => {
  const now = /jn-(busy|progress)/.test(props.value || '');
  const area = element.closest('.jn-area');
  if (asked && now && !busy && area && element.offsetParent !== null) {
    const top = area.getBoundingClientRect().top;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (top < 0 || top + Math.min(480, 0.6 * innerHeight) > innerHeight)
      area.scrollIntoView({block: 'start', behavior: still ? 'auto' : 'smooth'});
  }
  busy = now;
});
"""


@dataclass(frozen=True)
class Band:
    """The lines above a result: `status` while something is done, then `headline`.

    `stop` is shown while `status` has a progress or a busy note (`html.note`), None where nothing
    can be stopped.
    """

    status: gr.HTML
    headline: gr.HTML
    stop: gr.Button | None


def band(tab: str, *, stoppable: bool = True) -> Band:
    """Add the lines to the page. tab: the first part of their ids."""
    with gr.Column(elem_classes="jn-band", min_width=0):
        status = gr.HTML(
            elem_id=f"{tab}-status",
            elem_classes="jn-status",
            js_on_load=MOVE,
            apply_default_css=False,
        )
        stop = None
        if stoppable:
            stop = gr.Button(
                "Stop", size="sm", min_width=70, elem_id=f"{tab}-stop", elem_classes="jn-stop"
            )
        headline = gr.HTML(elem_id=f"{tab}-headline", apply_default_css=False)
    return Band(status, headline, stop)


def refuse_here(function: Callable, outputs: list) -> Callable:
    """Let an EngineError of a handler, which may be a generator, stay where its result would be.

    outputs: `status` and `headline` of a band first; the others are left as they are.
    """

    def refusal(error: EngineError) -> tuple:
        return "", html.refusal(str(error)), *(gr.skip(),) * (len(outputs) - 2)

    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def steps(*arguments, **named):
            try:
                yield from function(*arguments, **named)
            except EngineError as error:
                yield refusal(error)

        return steps

    @wraps(function)
    def call(*arguments, **named):
        try:
            return function(*arguments, **named)
        except EngineError as error:
            return refusal(error)

    return call
