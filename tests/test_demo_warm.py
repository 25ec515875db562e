"""What keeps others waiting while it loads is loaded before the demo is served."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from demo import app, warm


def test_models_are_loaded_before_the_first_visitor(monkeypatch):
    order = []

    class Page:
        def launch(self, **settings):
            order.append("served")
            return None, "http://127.0.0.1", None

    class Finder:
        def find(self, pixels):
            order.append("dlib")

    monkeypatch.setattr(warm, "load_finder", Finder)
    monkeypatch.setattr(warm, "import_module", order.append)
    monkeypatch.setattr(app, "build", lambda **choices: Page())
    app.launch(block=False)
    assert order == ["dlib", "engine.cloak", "served"]
