"""How the page looks: theme, style sheet, head and foot. Fonts come from this server or system."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, fonts

CSS = Path(__file__).with_name("look.css")
TITLE = "Just Noticeable"
HEAD = """
<header class="jn-head">
  <h1>Just Noticeable</h1>
  <p>How much can a picture change before a <b>machine</b> notices?<br>
  And how can it change so that a machine notices and a <b>person</b> does not?</p>
</header>
"""
FOOT = """
<footer class="jn-foot">
  <p>Your pictures are used for the answer you see and deleted within minutes; none is logged or
  sent elsewhere. Every picture you download was written by the engine, without metadata; only a
  file that cannot be made smaller is returned as it is.</p>
</footer>
"""


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
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="white",
        block_label_background_fill="*background_fill_primary",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
    )
