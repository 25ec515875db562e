"""The trainings."""
