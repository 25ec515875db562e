"""The models, as rows of one table: file, digest, size, repository, licence.

To add a model, add a row; `python -m export --embed` and `python -m training recogniser` write a
row's sha256 and size. Where a row's file is found: `engine.models.locate`.
"""

from __future__ import annotations

from dataclasses import dataclass

LICENCE = "Apache-2.0"
PROVENANCE = "provenance.json"  # in a directory of weights: {"files": {NAME: {"sha256": …}}}


@dataclass(frozen=True)
class Model:
    """One ONNX file, its contract in its own metadata, or one safetensors file."""

    name: str
    file: str
    sha256: str  # "" where there are no weights to ship yet
    size: int  # bytes
    repo: str  # on the Hugging Face Hub
    revision: str  # of that repository: a tag or a commit; the sha256 pins the content
    licence: str
    provenance: str = PROVENANCE
    trained_here: bool = True  # else `python -m export` writes none, and a folder may lack it


def _row(
    name: str, sha256: str, size: int, repo: str = "just-noticeable/machine-jnd-cifar10"
) -> Model:
    """A row of the table, by default of the machine JND on CIFAR-10."""
    return Model(
        name=name,
        file=f"{name}.onnx",
        sha256=sha256,
        size=size,
        repo=repo,
        revision="v0.2.0",
        licence=LICENCE,
    )


PHOTOS_REPO = "just-noticeable/machine-jnd-photos"

# Classifiers (picture -> logits and class activation map) of the panel and outside it, the
# generators (picture and CAMs -> change), and the human JND (picture -> threshold).
MODELS = {
    row.name: row
    for row in (
        _row(
            "alexnet-cifar10",
            "879e56277a7ec9da060529fec453fbe1d092fd775c6de29b17196e754dcc4957",
            1_947_480,
        ),
        _row(
            "vgg-cifar10",
            "b4801094d4fa4fa8bd98ce6dc48ecbb70145cb52c1ef8e495a062b0227fe9604",
            3_885_804,
        ),
        _row(
            "resnet-cifar10",
            "043967b36a6de8202db10cca5d220b06ed81c5ecf3e1d056b85bc8d6a3daf9b6",
            3_739_532,
        ),
        _row(
            "densenet-cifar10",
            "e4b51949f3d03df771244a6494115f594aa3ca9e58be8d54c268636af948f104",
            2_747_876,
        ),
        _row(
            "mobilenet-cifar10",
            "69ee01eba9c89a0edc0b13c2e5a762bbb36b1c6f575d284d34ae504bf4fae0ff",
            317_609,
        ),
        _row(
            "convnext-cifar10",
            "ee3318774c3d216aef90f338884e6041df5d5c7817abbad0faf589023a8114d4",
            751_958,
        ),
        _row(
            "vit-cifar10",
            "105787dc22df726a53dd74286872a9638ce3be4d5811f3d16f6b43ed32b7cd12",
            967_761,
        ),
        _row(
            "generator-conditioned-cifar10",
            "d06555b31803c10eac6704d22eaa25ee355e55389444db1bb8eedb58c2d6455c",
            1_676_963,
        ),
        _row(
            "generator-merged-cifar10",
            "eacf78490f279abd4846221b261891d646d0bf3671d72dcaabc1fd46e090b906",
            1_516_676,
        ),
        _row(
            "generator-transfer-cifar10",
            "64f3919ad216e54a44faf410a2f7d6b47ce5272680fd5e68a2f528e791ec2821",
            1_694_449,
        ),
        _row(
            "efficientnet-lite0",
            "1198cd7536602ead800d4f1f262e0a306c00615bdb4adfcced364b2928659f94",
            5_944_222,
            PHOTOS_REPO,
        ),
        _row(
            "efficientnet-lite1",
            "abd5ca19b3fc4affd11b07f852300a0ef568530cb09f3a1f8f2196f35f27139b",
            6_108_286,
            PHOTOS_REPO,
        ),
        _row(
            "efficientnet-lite2",
            "f6408a17ea1d48d0a9bf874979e27cce9629d151c07ba3240cbdde045c0331ec",
            7_489_225,
            PHOTOS_REPO,
        ),
        _row(
            "generator-conditioned-photos",
            "8b13e148018f756dd43faaad9d58a29ee7c5e82de32fa8b9d6b478b12788f1c9",
            5_921_403,
            PHOTOS_REPO,
        ),
        _row(
            "hvs-sd",
            "39199ce32b6138ed1a7082f936300a332c553eab2b8fb850588cd00e932afc98",
            304_403,
            "just-noticeable/human-jnd",
        ),
    )
}


@dataclass(frozen=True)
class PanelRow:
    """A panel of classifiers with one input contract, and the generators trained against it.

    members: rows of `MODELS`, in the order of a conditioned generator's inputs; generators: by name
    a row of `MODELS`; size: pixels a side at which the classifiers are given a picture; classes:
    how many each tells apart, their names are in its contract; outputs: of each classifier;
    own_size: whether a result has the size of the picture, else it has the classifiers'; usual:
    the generators' input for strength 1; most: the largest they were trained with.
    """

    members: tuple[str, ...]
    generators: dict[str, str]
    size: int
    classes: int
    outputs: tuple[str, ...]
    own_size: bool
    usual: float = 1.0
    most: float = 1.8


BEST = "conditioned"
# merged: the paper's architecture, which sees the merged CAM. conditioned: sees each classifier's
# CAM and label. transfer: trained to hold for machines outside the panel as well.
PANELS = {
    "cifar10": PanelRow(
        members=("alexnet-cifar10", "vgg-cifar10", "resnet-cifar10", "densenet-cifar10"),
        generators={name: f"generator-{name}-cifar10" for name in (BEST, "merged", "transfer")},
        size=32,
        classes=10,
        outputs=("logits", "cam"),
        own_size=False,
    ),
    "photos": PanelRow(
        members=("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"),
        generators={BEST: f"generator-{BEST}-photos"},
        size=224,
        classes=1000,
        outputs=("logits", "cam", "evidence", "gradient"),
        own_size=True,
        usual=1.8,
        most=1.6,
    ),
}
AUTO = "auto"  # the panel is chosen by the picture: `engine.machine.jnd.panel_for`
PANEL = PANELS["cifar10"].members
GENERATORS = PANELS["cifar10"].generators
UNSEEN = ("mobilenet-cifar10", "convnext-cifar10", "vit-cifar10")
HUMAN = "hvs-sd"
HUMAN_NAMES = ("chou1995", "yang2005", "liu2010", "wu2013", "wu2017", "rgb2022", HUMAN)
HUMAN_DEFAULT = HUMAN

# The face recogniser: no ONNX, for what uses it needs its gradient.
RECOGNISER = "face-recogniser"
MODELS[RECOGNISER] = Model(
    name=RECOGNISER,
    file=f"{RECOGNISER}.safetensors",
    sha256="69f42712d4f1a3b439837f291186f536b6477a2fe95249fab45bf811ce4c0cd4",
    size=11_220_200,
    repo="just-noticeable/face-recogniser",
    revision="v0.2.0",
    licence="CC0-1.0",
    provenance="recogniser.json",
    trained_here=False,
)
