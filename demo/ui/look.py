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

from ..server.visitors import ORDER

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
# A click on a picture that was chosen chooses another one. Requests are numbered as they are sent.
SCRIPT = f"""
<script>
(() => {{
  const send = window.fetch;
  let order = 0;
  window.fetch = (address, options) => {{
    if (!options || options.method !== 'POST' || typeof address !== 'string')
      return send(address, options);
    const headers = new Headers(options.headers);
    headers.set('{ORDER}', ++order);
    return send(address, {{ ...options, headers }});
  }};
}})();
document.addEventListener('click', (event) => {{
  const photo = event.target.closest && event.target.closest('.jn-photo');
  if (photo && photo.querySelector('img') && !event.target.closest('button, input'))
    photo.querySelector('input[type=file]').click();
}});
</script>
"""
DESCRIPTION = "What a picture can lose or hide before a machine, or a person, notices."
CARD_WORDS = "A face before and after, which look the same, and the difference"
# Seen until the page itself is there, which takes a browser a second or two.
FIRST = """
<style>
#jn-first {{ box-sizing: border-box; width: 100%; max-width: 1180px; margin: 0 auto;
  padding: 14px 12px; font-family: system-ui, sans-serif; color: #18181b; }}
#jn-first p {{ margin: 0 0 8px; line-height: 1.35; }}
#jn-first .jn-name {{ font-size: 1.5rem; font-weight: 700; }}
#jn-first img {{ display: block; width: min(100%, 900px); height: auto; margin: 12px auto 0; }}
body:has(.jn-head) > #jn-first {{ display: none; }}
body:not(:has(.jn-head)) > gradio-app {{ position: absolute; visibility: hidden; }}
@media (prefers-color-scheme: dark) {{ #jn-first {{ color: #f2f2f4; }} }}
</style>
<div id="jn-first">
  <p class="jn-name">{title}</p>
  <p>{description}</p>
  <img src="{card}" alt="{words}" width="1200" height="630">
</div>
"""
# What Gradio's own page says of itself to sites that show a link; some of it leads elsewhere.
META = re.compile(r'<meta\s[^>]*(?:property="og:|name="twitter:)[^>]*/>')
BODY = re.compile(r"<body[^>]*>")
PAGES = ("frontend/index.html", "frontend/share.html")


@cache
def describe_page(card: Path) -> None:
    """Let the page tell sites that show a link its own title, description and picture.

    The same is what a visitor sees first, until everything else has been loaded.

    card: a PNG of 1200 × 630 pixels that everybody may open.
    """
    address = f"{{{{ config['root'] }}}}/gradio_api/file={quote(card.as_posix())}"
    properties = {
        "og:title": TITLE,
        "og:description": DESCRIPTION,
        "og:type": "website",
        "og:image": address,
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": CARD_WORDS,
        "twitter:card": "summary_large_image",
    }
    own = "".join(
        f'<meta property="{name}" content="{text}" />' for name, text in properties.items()
    )
    own += f'<meta name="description" content="{DESCRIPTION}" />'
    first = FIRST.format(title=TITLE, description=DESCRIPTION, card=address, words=CARD_WORDS)
    environment = templates.env
    sources = {}
    for name in PAGES:
        source = environment.loader.get_source(environment, name)[0]
        source = META.sub("", source).replace("<head>", f"<head>{own}", 1)
        sources[name] = BODY.sub(lambda body: body[0] + first, source, count=1)
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
