"""Tables of speed: ONNX Runtime beside PyTorch, and whole commands."""

from __future__ import annotations

from .markdown import Table, if_measured, markdown, source

OTHERS = ("eager", "channels-last", "bfloat16", "compiled", "whole")  # beside the engine
WHERE = {"cpu": "", "cuda": ", GPU"}


def grouped(rows: list[dict]) -> dict[tuple, dict[str, dict]]:
    """Rows by subject, device and size, each a dict by runtime."""
    groups: dict[tuple, dict[str, dict]] = {}
    for row in rows:
        key = (row["subject"], row["device"], row["pictures"], row["side"])
        groups.setdefault(key, {})[row["runtime"]] = row
    return groups


def size(row: dict) -> str:
    """224², or 64 × 32² for several pictures."""
    square = f"{row['side']:,}²"
    return square if row["pictures"] == 1 else f"{row['pictures']:,} × {square}"


def speed(result: dict) -> str:
    """Milliseconds of the engine, by how much the others are slower, memory."""
    used = {row["runtime"] for row in result["rows"]}
    others = [name for name in OTHERS if name in used]
    lines = []
    for (subject, device, *_), runtimes in grouped(result["rows"]).items():
        engine = runtimes["engine"]
        lines.append(
            [
                subject + WHERE[device],
                size(engine),
                f"{engine['ms']:,.1f} ({engine['ms_min']:,.1f}…{engine['ms_max']:,.1f})",
                f"{engine['ms'] / 1000 / engine['megapixels']:.2f}",
                *(times(runtimes.get(name)) for name in others),
                f"{engine['peak_mb']:,.0f} MB",
                f"{runtimes['eager']['peak_mb']:,.0f} MB" if "eager" in runtimes else "–",
            ]
        )
    header = ["", "pixels", "engine, ms", "s per MP", *(f"{name}, ms" for name in others)]
    header += ["memory, engine", "memory, eager"]
    goal = result["target"]
    reached = (
        f"on the processor the engine is at least {goal['times']} × as fast as eager PyTorch in "
        f"{goal['reached']} of {goal['n']} rows (least {goal['least']:.1f} ×, median "
        f"{goal['median']:.1f} ×); "
        if goal["n"]
        else ""
    )
    return (
        f"{markdown(header, lines)}\n\nMedian of {counted(result['rows'])} interleaved runs after "
        f"warm-up, the engine's with its extremes; in brackets how many times the engine's it is; "
        f"{reached}outputs in single precision are within {apart(result['rows']):.0e} of the "
        f"engine's, as a share of their largest; memory is the peak of a process of its own, "
        f"libraries included; {compiling(result['rows'])}{conditions(result)}{source(result)}"
    )


def times(row: dict | None) -> str:
    """Milliseconds of another runtime, and how many times the engine's they are."""
    if row is None:
        return "–"
    if "failed" in row:
        return "fails"
    return f"{row['ms']:,.1f} ({row['engine_is_faster']:.1f} ×)"


def counted(rows: list[dict]) -> str:
    """The fewest and the most runs behind a median."""
    counts = [row["n"] for row in rows if "n" in row]
    few, most = min(counts), max(counts)
    return f"{few}" if few == most else f"{few} to {most}"


def apart(rows: list[dict]) -> float:
    """How far outputs are from the engine's: the worst in single precision and in tiles alike."""
    exact = ("engine", "eager", "channels-last", "compiled")
    return max(row["off"] for row in rows if row["runtime"] in exact and "off" in row)


def compiling(rows: list[dict]) -> str:
    """How long the first run of `torch.compile` takes."""
    seconds = [
        row["first_ms"] / 1000 for row in rows if row["runtime"] == "compiled" and "ms" in row
    ]
    if not seconds:
        return ""
    return f"compiled after {min(seconds):.0f} to {max(seconds):.0f} s, for each size anew; "


def conditions(result: dict) -> str:
    gpu = f"{result['gpu']}, CUDA {result['cuda']}; " if result["gpu"] else ""
    versions = result["versions"]
    runtime = versions.get("onnxruntime-gpu") or versions.get("onnxruntime")
    return (
        f"{result['threads']} threads; ONNX Runtime {runtime}, PyTorch {versions['torch']}; {gpu}"
    )


def speed_slopes(result: dict) -> str:
    """By how much time grows with pixels."""
    slopes: dict[tuple, dict[str, dict]] = {}
    for row in result["slopes"]:
        slopes.setdefault((row["subject"], row["device"]), {})[row["runtime"]] = row
    lines = []
    for (subject, device), found in slopes.items():
        low, high = found["engine"]["megapixels"]
        lines.append(
            [
                subject + WHERE[device],
                f"{low:.2f}…{high:.1f} MP",
                f"{found['engine']['slope']:.2f}",
                f"{found['eager']['slope']:.2f}" if "eager" in found else "–",
            ]
        )
    header = ["", "sizes of the engine", "engine", "eager"]
    return (
        f"{markdown(header, lines)}\n\nSlope of log seconds against log pixels, least squares: "
        "1 is linear, below 1 a fixed cost weighs on the small "
        f"sizes. {source(result)}"
    )


def speed_jobs(result: dict) -> str:
    """The commands on photos."""
    lines = [
        [
            f"`{row['command']}`",
            f"{row['megapixels']:.1f} MP",
            f"{row['seconds']:.1f} ({row['seconds_min']:.1f}…{row['seconds_max']:.1f})",
            f"{row['peak_mb']:,.0f} MB",
            "yes" if row["torch"] else "no",
        ]
        for row in result["jobs"]
    ]
    header = ["command", "photo", "seconds", "peak memory", "imports PyTorch"]
    return (
        f"{markdown(header, lines)}\n\nFrom start to end of `python -m engine COMMAND` on a JPEG, "
        f"with the files it writes; median and extremes of {result['jobs'][0]['n']} runs; "
        f"{result['threads']} threads; {source(result)}"
    )


def speed_gpu(result: dict) -> str:
    """Milliseconds on a GPU, of the first call too."""
    lines = []
    for (subject, *_), runtimes in grouped(result["rows"]).items():
        engine = runtimes["engine"]
        lines.append(
            [
                subject,
                size(engine),
                f"{engine['ms']:,.1f}",
                *(times(runtimes.get(name)) for name in ("eager", "channels-last", "bfloat16")),
                *(f"{runtimes[name]['first_ms'] / 1000:.1f} s" for name in ("engine", "eager")),
            ]
        )
    header = ["", "pixels", "engine, ms", "eager, ms", "channels-last, ms", "bfloat16, ms"]
    header += ["first call, engine", "first call, eager"]
    card = result["machine"]
    whole = "; ".join(
        f"`{row['function']}` on {row['device']} {row['seconds']:.1f} s"
        for row in result["functions"]
        if "seconds" in row
    )
    note = f"{result['note']} " if "note" in result else ""
    return (
        f"{markdown(header, lines)}\n\nOn {card['card']}, CUDA {card['cuda']}, PyTorch "
        f"{card['torch']}. Median of {counted(result['rows'])} runs in turns, in one process, "
        "pictures copied to the GPU and back; the first call includes loading the network and "
        f"choosing algorithms. Whole calls: {whole}. {note}{source(result)}"
    )


TABLES: dict[str, Table] = {
    table.__name__: if_measured("speed", "evaluate speed")(table)
    for table in (speed, speed_slopes, speed_jobs)
} | {"speed_gpu": if_measured("speed_gpu", "evaluate speed on a GPU")(speed_gpu)}
