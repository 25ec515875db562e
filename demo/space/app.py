"""The Space's start: `python app.py`. Address and port are Gradio's own environment variables."""

from demo.app import launch

if __name__ == "__main__":
    launch()
