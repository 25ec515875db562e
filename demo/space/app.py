"""The Space's start: `python app.py`."""
