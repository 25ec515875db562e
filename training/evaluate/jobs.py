"""`python -m training evaluate WHAT`: which job measures what."""

from __future__ import annotations

from pathlib import Path

from ..data.labelled import DataError
from ..options import MEASURED_ON, SHARED, WITHOUT_WEIGHTS, EvaluateOptions


def measure(options: EvaluateOptions, program: str) -> Path:
    """Measure what the options name -> the JSON that was written. program: as it was called.

    Raises DataError.
    """
    command = f"{program} evaluate {options.what}"
    if options.count:
        command += f" --count {options.count}"
    if options.sections:
        command += f" --sections {' '.join(options.sections)}"
    data = options.data or f"{SHARED}/data/{MEASURED_ON[options.what]}"
    weights, count, runs = options.weights, options.count, options.runs
    if weights is not None and options.what in WITHOUT_WEIGHTS:
        raise DataError(f"evaluate {options.what} takes no --weights: leave it out")
    match options.what:
        case "human":
            from .human.run import evaluate_human

            path = evaluate_human(data, weights, count, runs, options.name, command)
        case "recogniser":
            from .cloak.recogniser import evaluate_recogniser

            path = evaluate_recogniser(data, options.onlooker, count, runs, command)
        case "recognisers":
            from .faces.recognisers import evaluate_recognisers

            path = evaluate_recognisers(data, options.whole, count, runs, command)
        case "protection":
            from .protection.run import evaluate_protection

            path = evaluate_protection(
                data, options.onlooker, count, runs, command, only=options.only
            )
        case "cloak":
            from .cloak.run import evaluate_cloak

            path = evaluate_cloak(data, options.onlooker, count, command, runs, only=options.only)
        case "portraits":
            from .cloak.portraits import evaluate_portraits

            path = evaluate_portraits(Path(data), count, runs, command, only=options.only)
        case "panel":
            from .cloak.classifier_attack import evaluate_panel

            path = evaluate_panel(data, weights, count, command, runs)
        case "cloak-photos":
            from .cloak_photos.run import evaluate_cloak_photos

            path = evaluate_cloak_photos(
                Path(data), weights, count, command, runs, only=options.only
            )
        case "photo-panel":
            from .photo.panel import evaluate_photo_panel

            path = evaluate_photo_panel(Path(data), weights, count, command, options.published)
        case "speed":
            from .speed.run import evaluate_speed

            path = evaluate_speed(data, weights, count, runs, command, options.only)
        case "scale":
            from .scale import evaluate_scale

            path = evaluate_scale(data, count, runs, command)
        case "load":
            from .load.run import evaluate_load

            path = evaluate_load(data, count, runs, command)
        case "page":
            from .page.run import evaluate_page

            path = evaluate_page(count, runs, command)
        case "photos":
            from .photo.run import evaluate_photos

            path = evaluate_photos(
                Path(data), weights, count, runs, options.unseen, command, options.sections
            )
        case "codec":
            from .codec.run import evaluate_codec

            path = evaluate_codec(
                Path(data), weights, count, runs, options.unseen, command, only=options.only
            )
        case "machine-quality":
            from .machine_quality.run import evaluate_machine_quality

            path = evaluate_machine_quality(
                Path(data), weights, count, runs, options.unseen, command
            )
        case "watermark":
            from .watermark.run import evaluate_watermark

            path = evaluate_watermark(
                Path(data), options.unseen, count, runs, command, only=options.only
            )
        case "machine":
            from .machine.run import evaluate_machine

            path = evaluate_machine(data, weights, count, runs, command, options.sections)
        case "classifiers":
            from .machine.accuracy import evaluate_classifiers

            path = evaluate_classifiers(data, weights, count, runs, command)
        case "fresh":
            from .machine.fresh import evaluate_fresh

            path = evaluate_fresh(data, weights, count, runs, command)
        case "ablation":
            from .machine.ablation import evaluate_ablation

            path = evaluate_ablation(data, count, runs, command)
    return path
