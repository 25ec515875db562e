"""Two pictures on top of each other with a handle between them: by mouse, finger or arrow keys.

Gradio's own ImageSlider cannot be reached by keyboard and has no alternative texts. The handle is
a range input over both pictures, so every browser knows how to move it. A component of this kind
takes the dict that `slider_value` makes.
"""

from __future__ import annotations

import gradio as gr

from ..server.uploads import save_file_data

# Gradio fills this in twice, as a Handlebars and as a JavaScript template: no text of a visitor
# may be among the values. The names of files are cleaned by `uploads.stem`.
TEMPLATE = """
{{#if value}}
<figure class="jn-pair{{#if value.pixelated}} jn-pixels{{/if}}">
  <div class="jn-stage" style="--ratio: {{value.ratio}}; --focus: {{value.focus}}">
    <div class="jn-after"><img src="{{value.after.url}}" alt="{{value.after_words}}"></div>
    <div class="jn-before"><img src="{{value.before.url}}" alt="{{value.before_words}}"></div>
    <span class="jn-tag jn-left" aria-hidden="true">{{value.before_tag}}</span>
    <span class="jn-tag jn-right" aria-hidden="true">{{value.after_tag}}</span>
    <span class="jn-line" aria-hidden="true"></span>
    <input type="range" min="0" max="100" value="50" step="1"
      aria-label="Move between {{value.before_tag}} and {{value.after_tag}}">
    {{#if value.file}}
    <a class="jn-file" href="{{value.file.url}}" download="{{value.name}}">{{value.offer}}</a>
    {{/if}}
  </div>
  <figcaption>
    <span>{{value.caption}}</span>
    {{#if value.share}}
    <a class="jn-share" href="{{value.share.url}}"
      download="{{value.share_name}}">Picture to share</a>
    {{/if}}
    {{#unless value.pixelated}}
    <button type="button" class="jn-zoom" aria-pressed="false">Zoom in</button>
    {{/unless}}
  </figcaption>
</figure>
{{else}}
<div class="jn-empty">{{empty}}</div>
{{/if}}
"""
MOVE = """
const place = (range) => range.parentElement.style.setProperty('--at', range.value + '%');
element.addEventListener('input', (event) => {
  if (event.target.type === 'range') place(event.target);
});
element.addEventListener('click', (event) => {
  const zoom = event.target.closest('.jn-zoom');
  if (!zoom) return;
  const near = element.querySelector('.jn-stage').classList.toggle('jn-near');
  zoom.setAttribute('aria-pressed', near);
  zoom.textContent = near ? 'Zoom out' : 'Zoom in';
});
watch('value', () => element.querySelectorAll('input[type=range]').forEach(place));
"""

SHARE = "before-after-difference.png"


def slider(elem_id: str, empty: str) -> gr.HTML:
    """An empty component; empty: the text in its place."""
    return gr.HTML(
        html_template=TEMPLATE,
        js_on_load=MOVE,
        elem_id=elem_id,
        empty=empty,
        apply_default_css=False,
    )


def slider_value(
    before: bytes,
    after: bytes,
    *,
    name: str,
    size: tuple[int, int],
    tags: tuple[str, str],
    words: tuple[str, str],
    caption: str = "",
    focus: tuple[float, float] = (0.5, 0.5),
    pixelated: bool = False,
    offered: bool = True,
    file: bytes | None = None,
    offer: str = "Download PNG",
    share: bytes | None = None,
) -> dict:
    """What a slider shows: PNG bytes of two pictures of one size (width, height).

    name: of the file that is offered, if one is, and offer: the words on its button; file: its
    bytes, where it is not the second picture itself. tags, words: short labels and alternative
    texts of both; share: a PNG of both side by side, which has no name of a visitor's file; focus:
    where zooming in goes, (x, y) in 0…1; pixelated: enlarged without smoothing.
    """
    shown = save_file_data(after, name if file is None else "decoded.png")
    exact = shown if file is None else save_file_data(file, name)
    return {
        "before": save_file_data(before, "original.png"),
        "after": shown,
        "file": exact if offered else None,
        "name": name,
        "offer": offer,
        "share": None if share is None else save_file_data(share, SHARE),
        "share_name": SHARE,
        "ratio": round(size[0] / size[1], 4),
        "before_tag": tags[0],
        "after_tag": tags[1],
        "before_words": words[0],
        "after_words": words[1],
        "caption": caption,
        "focus": f"{100 * focus[0]:.1f}% {100 * focus[1]:.1f}%",
        "pixelated": pixelated,
    }
