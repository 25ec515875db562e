"""The engine's work in processes of its own, which the server starts, watches and starts anew.

What ends such a process, a fault in a library or a want of memory, costs the visitor whose work it
had, and nobody else: `calls` has the decorator, `pool` the processes, `worker` the server's end of
one of them, `serving` what runs in it.
"""
