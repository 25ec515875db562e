"""How the page looks: theme, style sheet, head and foot. Fonts come from this server or system."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from gradio.routes import templates
from gradio.themes.utils import colors, fonts
from jinja2 import ChoiceLoader, DictLoader

CSS = Path(__file__).with_name("look.css")
TITLE = "Just Noticeable"
HEAD = """
<header class="jn-head">
  <h1>Just Noticeable</h1>
  <p>What a picture can lose or hide before a <b>machine</b>, or a <b>person</b>, notices.</p>
</header>
"""
FOOT = """
<footer class="jn-foot">
  <p>Your pictures are used for the answer you see and deleted within minutes; none is logged or
  sent elsewhere. Every picture you download was written by the engine, without metadata; only a
  file that cannot be made smaller is returned as it is.</p>
</footer>
"""
# A click on a picture that was chosen chooses another one.
SCRIPT = """
<script>
document.addEventListener('click', (event) => {
  const photo = event.target.closest && event.target.closest('.jn-photo');
  if (photo && photo.querySelector('img') && !event.target.closest('button, input'))
    photo.querySelector('input[type=file]').click();
  const tab = event.target.closest && event.target.closest('[role=tab]');
  if (tab)  // on a phone they are in one line that scrolls
    requestAnimationFrame(() => tab.scrollIntoView({inline: 'center', block: 'nearest'}));
});
</script>
"""
DESCRIPTION = "What a picture can lose or hide before a machine, or a person, notices."
# What Gradio's own page says of itself to sites that show a link; some of it leads elsewhere.
META = re.compile(r'<meta\s[^>]*(?:property="og:|name="twitter:)[^>]*/>')
PAGES = ("frontend/index.html", "frontend/share.html")


@cache
def describe_page(card: Path) -> None:
    """Let the page tell sites that show a link its own title, description and picture.

    card: a PNG of 1200 × 630 pixels that everybody may open.
    """
    properties = {
        "og:title": TITLE,
        "og:description": DESCRIPTION,
        "og:type": "website",
        "og:image": f"{{{{ config['root'] }}}}/gradio_api/file={quote(card.as_posix())}",
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": "A face before and after, which look the same, and the difference",
        "twitter:card": "summary_large_image",
    }
    own = "".join(
        f'<meta property="{name}" content="{text}" />' for name, text in properties.items()
    )
    own += f'<meta name="description" content="{DESCRIPTION}" />'
    environment = templates.env
    sources = {}
    for name in PAGES:
        source = environment.loader.get_source(environment, name)[0]
        sources[name] = META.sub("", source).replace("<head>", f"<head>{own}", 1)
    environment.loader = ChoiceLoader([DictLoader(sources), environment.loader])
    environment.cache.clear()


def theme() -> gr.themes.Base:
    """Quiet greys and one indigo, IBM Plex from this server.

    Of the weights that come with Gradio only regular and bold have every letter.
    """
    sans = (fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif")
    mono = (fonts.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace")
    return gr.themes.Base(
        primary_hue=colors.indigo,
        neutral_hue=colors.zinc,
        radius_size="md",
        font=sans,
        font_mono=mono,
    ).set(
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        block_label_background_fill="*background_fill_primary",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
    )
