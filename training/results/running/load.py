"""The table of the demo under load."""

from __future__ import annotations

from ..markdown import Table, if_measured, markdown, source


def load(result: dict) -> str:
    """Seconds to an answer, by endpoint, and what was refused; memory and files as a note."""
    names = {"all": "all", "human_jnd": "`human_jnd`", "machine_jnd": "`machine_jnd`"}
    rows = [
        [names.get(name, name), str(row["n"]), f"{row['p50']:.1f}", f"{row['p95']:.1f}"]
        for name, row in result["latency_s"].items()
        if row["n"]
    ]
    memory, files = result["memory_mb"], result["files"]
    other = sum(result["failed"].values()) + sum(result["problems"].values())
    ratio = f"{100 * (result['memory_ratio'] - 1):+.1f} %"
    return (
        f"{markdown(['answers', 'n', 'p50, s', 'p95, s'], rows)}\n\n{result['clients']} visitors "
        f"for {result['seconds']:.0f} s, who ask again as soon as they have an answer; seconds "
        f"from joining the queue to the answer. {result['own']} of {result['answers']} answers "
        f"are, to the pixel, what the engine gives for the visitor's own photo; {other} failed; "
        f"{result['refused']} times the queue was full, {result['refused_politely']} of them with "
        f"503 and when to come back. A visitor who leaves in the middle of a cloak frees the "
        f"server after {result['freed_s']:.1f} s. The server's memory is {memory['before']:,} MB "
        f"before, {memory['peak']:,} MB at most and {memory['settled']:,} MB ({ratio}) after the "
        f"decoded photos were dropped; of {files['under_load']:,} temporary files "
        f"{files['after_the_server']} are left when it ends. Before it began, the load average of "
        f"the machine was {result['load_average']:g}. {source(result)}"
    )


TABLES: dict[str, Table] = {"load": if_measured("load", "evaluate load")(load)}
