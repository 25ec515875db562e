"""How a picture is read, written, resized and drawn."""
