"""Where a tab shows its result: what is being done or was found, and one picture below it.

On a phone the page moves there when work begins that a visitor has asked for in this tab.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

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
