"""Two pictures side by side, on a phone one below the other, as a viewing test shows them."""

from __future__ import annotations

import gradio as gr

PAIR = """
{{#if value}}
<div class="jn-viewing">
  <figure><img src="{{value.left.url}}" alt="The first picture">
    <figcaption><span class="jn-beside">Left</span><span class="jn-below">Upper</span></figcaption>
  </figure>
  <figure><img src="{{value.right.url}}" alt="The second picture">
    <figcaption><span class="jn-beside">Right</span><span class="jn-below">Lower</span></figcaption>
  </figure>
</div>
{{/if}}
"""
# A new pair is brought into sight, and the answers name its pictures as they lie on the screen.
MOVE = """
const places = [['Left', 'Upper'], ['Right', 'Lower']];
const narrow = matchMedia('(max-width: 640px)');
const show = (tries) => {
  const buttons = document.querySelectorAll('[id^="viewing-vote"]');
  if (!buttons.length && tries) setTimeout(() => show(tries - 1), 50);
  for (const button of buttons)
    for (const pair of places) {
      const [from, to] = narrow.matches ? pair : [...pair].reverse();
      if (button.textContent.includes(from))
        button.textContent = button.textContent.trim().replace(from, to);
    }
  const pair = element.querySelector('.jn-viewing');
  if (!pair || element.offsetParent === null) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const {top, bottom} = pair.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight || narrow.matches)
    pair.scrollIntoView({block: 'start', behavior: still ? 'auto' : 'smooth'});
};
narrow.addEventListener('change', () => show(0));
const later = () => setTimeout(() => show(40), 50);
watch('value', later);
later();  // the first pair was there before this
"""


def pair(elem_id: str, move: str = "") -> gr.HTML:
    """An empty component for two pictures side by side. move: what the page does with a new one."""
    return gr.HTML(html_template=PAIR, js_on_load=move, elem_id=elem_id, apply_default_css=False)
