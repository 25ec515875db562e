"""A batch on many machines, by Ray Data; imported where `--ray` is given.

`units` finds the pictures and puts them together in units, `actor` does a unit on some machine and
has `results` write what comes of it, `outcomes` gives the units to Ray and keeps the manifest.
"""
