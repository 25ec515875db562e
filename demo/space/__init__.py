"""The demo as a Space on the Hugging Face Hub: `python -m demo.space stage DIR`, and `push`."""
