"""The same handlers for programs: named API endpoints, which are MCP tools as well.

The components below are never on the page; they give each parameter its type. A docstring here is
what a program reads, so each parameter has one line of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from engine.human.stimuli import FLAT
from engine.models.available import generators, human_models

from ..handlers import cloak as cloaking
from ..handlers import faces, viewing
from ..handlers import human as eye
from ..handlers import machine as panel
from ..server.limits import Limits
from ..server.refusals import number, told, whole
from ..server.uploads import kept, opened, stem
from ..tabs.photo import samples
from ..tabs.viewing import kinds, results_of


def _photo(label: str) -> gr.Image:
    return gr.Image(label=label, type="filepath", image_mode=None, format="png")


def _png(label: str) -> gr.File:
    return gr.File(label=label)


def add(limits: Limits) -> None:
    """Add every endpoint to the page that is being built."""

    def machine_jnd(picture, strength, network, classifiers):
        """How much of a picture a panel of classifiers does not notice, verified on the PNG.

        Args:
            picture (image): The picture; the panel sees it at 32×32 pixels.
            strength (number): How much change to ask for, 0.2 to 1.8; 1 is the usual.
            network (string): conditioned (ours), merged (the paper's design, strength 1 only) or
                transfer (ours, for machines outside the panel as well).
            classifiers (list): Which of alexnet, vgg, resnet, densenet must keep their answer.

        Returns:
            The changed picture (PNG, 32×32), the change around grey (PNG), where the panel looks
            (PNG), white noise of the same PSNR (PNG), and all numbers.
        """
        picture, name = opened(picture, limits.to_reduce), stem(picture)
        asked = None if classifiers is None else tuple(classifiers)
        view = panel.measure(picture, number(strength, "strength"), network, asked)
        return (
            kept(view.distorted, f"{name}.distorted.png"),
            kept(view.jnd, f"{name}.jnd.png"),
            kept(view.cam, f"{name}.cam.png"),
            kept(view.noise.png, f"{name}.noise.png"),
            view.numbers,
        )

    def human_jnd(picture, model, level, perceptual):
        """How much each pixel of a picture may change before a person notices, and noise that much.

        Args:
            picture (image): The picture; very large ones are shrunk, and the numbers say so.
            model (string): The model of the eye, such as wu2017.
            level (number): Noise at this many times the threshold, 0 to 8.
            perceptual (boolean): Also JOD, FSIM and VIF, which take some seconds.

        Returns:
            The picture with noise (PNG), the threshold as a picture (PNG, 8 grey levels per level),
            and all numbers.
        """
        name = stem(picture)
        *_, view = eye.measure(
            opened(picture, limits.to_reduce),
            model,
            number(level, "level"),
            perceptual=bool(perceptual),
            max_pixels=limits.human_pixels,
        )
        noisy = kept(view.noisy, f"{name}.noisy.png")
        return noisy, kept(view.map, f"{name}.human.png"), view.numbers

    def find_faces(photo):
        """The faces in a photo: the sure ones, largest first, then those that may be none.

        Args:
            photo (image): The photo.

        Returns:
            A list of faces: number, box (left, top, right, bottom), side in pixels, usable, sure.
        """
        found = faces.find(opened(photo, limits))
        return [
            {
                "number": f.number,
                "box": list(f.box),
                "side": f.side,
                "usable": f.usable,
                "sure": f.sure,
            }
            for f in found
        ]

    def cloak_face(photo, face, method, lasting, seconds, target=None):
        """Change a face so little that only machines notice, judged on the file that is returned.

        Args:
            photo (image): The photo; it keeps its size and loses its metadata.
            face (number): Which face, by the number that find_faces gives it.
            method (string): The attack: ours, paper, or one of those they are compared with.
            lasting (boolean): Also hold after JPEG and at half size, by a larger change.
            seconds (number): The longest search.
            target (image): A photo of the person to be taken for; without it, for nobody known.

        Returns:
            The cloaked photo (PNG), or nothing where it did not succeed, and all numbers. While it
            runs: nothing, and how far it is.
        """
        picture, name = opened(photo, limits), stem(photo)
        wanted = opened(target, limits) if target else None
        most = number(seconds, "seconds")
        cloaking.check(method, most, limits.cloak_seconds)
        for step in cloaking.cloak(
            picture,
            method=method,
            face=whole(face, "face"),
            target=wanted,
            lasting=bool(lasting),
            seconds=most,
            jnd=human_models()[0],
        ):
            if isinstance(step, cloaking.Step):
                yield None, {"step": step.steps, "attempt": step.attempt, "holds": step.holds}
            else:
                file = kept(step.png, f"{name}.cloaked.png") if step.success else None
                yield file, step.numbers

    def verify_faces(first, second):
        """Whether two photos show the same person, to dlib's recogniser: use it to test a cloak.

        Args:
            first (image): A photo; its largest sure face counts.
            second (image): Another photo.

        Returns:
            same, distance, the threshold below which faces are the same, and how many were found.
        """
        found = faces.compare(opened(first, limits), opened(second, limits))
        return {
            "same": found.same,
            "distance": found.distance,
            "threshold": found.threshold,
            "faces": list(found.faces),
        }

    def compare_methods(photo, methods, seconds):
        """Cloak the first face of a photo with several methods, and what a viewer may see of it.

        Args:
            photo (image): The photo.
            methods (list): Names of methods, such as ours, paper, cw, pgd, fgsm.
            seconds (number): The longest search of each method.

        Returns:
            The cloaked photos (PNG) in the order of the methods, and a list with the numbers of
            each. It grows while the methods run.
        """
        picture, name = opened(photo, limits), stem(photo)
        most, chosen = number(seconds, "seconds"), list(methods or [])
        cloaking.check_comparison(picture, chosen, most, limits)
        files, rows = [], []
        for step in cloaking.compare(picture, chosen, seconds=most, jnd=human_models()[0]):
            if isinstance(step, cloaking.Rated):
                files.append(kept(step.cloak.png, f"{name}.{step.method}.png"))
                seen = {"ssim": step.quality.ssim, "delta_e_mean": step.quality.delta_e_mean}
                rows.append(step.cloak.numbers | seen)
            yield files, rows

    def viewing_picture(picture, kind, psnr_db):
        """One picture of the viewing test: a sample with noise of one energy, shaped by a model.

        Args:
            picture (string): The sample: Cat, Rocket, Coffee or Astronaut.
            kind (string): original, flat (white noise), or a model of the eye, such as wu2017.
            psnr_db (number): The energy of the noise, 20 to 45 dB.

        Returns:
            The picture (PNG).
        """
        test = viewing.Test("", (), number(psnr_db, "PSNR"), {})
        shown = viewing.side(test, viewing.Trial(picture, kind, kind), kind, samples())
        return kept(shown, f"{picture}.{kind}.png")

    def viewing_results(files):
        """Means, deviations and BT.500 screening of several viewers' answers.

        Args:
            files (list of files): The CSV files that the viewing test has written.

        Returns:
            pairs with mean, std, 95 % interval and n, above 0 where the second looks better, and
            viewers with the counts by which they are kept or rejected.
        """
        results = results_of(files, limits)
        return {
            "pairs": [
                {
                    "first": first,
                    "second": second,
                    "n": seen.n,
                    "mean": seen.mean,
                    "std": None if seen.n < 2 else seen.std,
                    "interval": None if seen.n < 2 else seen.interval,
                }
                for (first, second), seen in results.pairs.items()
            ],
            "viewers": [
                {
                    "viewer": viewer.name,
                    "answers": viewer.answers,
                    "p": viewer.p,
                    "q": viewer.q,
                    "rejected": results.screened and viewer.rejected,
                }
                for viewer in results.viewers
            ],
            "screened": results.screened,
        }

    search = {"concurrency_id": "search", "concurrency_limit": limits.at_once}
    numbers = {"concurrency_id": "numbers", "concurrency_limit": limits.at_once}
    with gr.Row(visible=False):
        _offer(
            machine_jnd,
            [
                _photo("picture"),
                gr.Number(1.0, label="strength"),
                gr.Radio(list(generators()), value=generators()[0], label="network"),
                gr.CheckboxGroup(
                    list(panel.classifiers()), value=list(panel.classifiers()), label="classifiers"
                ),
            ],
            [*map(_png, ("changed", "change", "cam", "noise")), gr.JSON(label="numbers")],
        )
        _offer(
            human_jnd,
            [
                _photo("picture"),
                gr.Radio(list(human_models()), value=human_models()[0], label="model"),
                gr.Number(1.0, label="level"),
                gr.Checkbox(False, label="perceptual"),
            ],
            [_png("noisy"), _png("threshold"), gr.JSON(label="numbers")],
            **numbers,
        )
        _offer(find_faces, [_photo("photo")], [gr.JSON(label="faces")])
        _offer(
            cloak_face,
            [
                _photo("photo"),
                gr.Number(1, label="face"),
                gr.Radio(list(cloaking.NAMES), value="ours", label="method"),
                gr.Checkbox(False, label="lasting"),
                gr.Number(min(60, limits.cloak_seconds), label="seconds"),
                gr.Image(label="target", type="filepath", image_mode=None),
            ],
            [_png("cloaked"), gr.JSON(label="numbers")],
            **search,
        )
        _offer(verify_faces, [_photo("first"), _photo("second")], [gr.JSON(label="verdict")])
        _offer(
            compare_methods,
            [
                _photo("photo"),
                gr.CheckboxGroup(
                    list(cloaking.NAMES), value=list(cloaking.COMPARED), label="methods"
                ),
                gr.Number(min(20, limits.compare_seconds), label="seconds"),
            ],
            [gr.File(label="cloaked", file_count="multiple"), gr.JSON(label="numbers")],
            **search,
        )
        _offer(
            viewing_picture,
            [
                gr.Radio(list(samples()), value=next(iter(samples())), label="picture"),
                gr.Radio(list(kinds()), value=FLAT, label="kind"),
                gr.Number(viewing.PSNR, label="psnr_db"),
            ],
            [_png("picture")],
            **numbers,
        )
        _offer(
            viewing_results,
            [gr.File(label="files", file_count="multiple")],
            [gr.JSON(label="results")],
        )


def _offer(function: Callable, inputs: list, outputs: list, **options) -> None:
    """One endpoint, named as its function, behind a button that nobody can press."""
    gr.Button(visible=False).click(
        told(function), inputs, outputs, api_name=function.__name__, preprocess=False, **options
    )
