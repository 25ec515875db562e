"""Training settings as data: one frozen dataclass per job, one row per preset."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ClassifierPreset:
    """Settings of one classifier's training. `images` caps both splits (None: all).

    The ratios between the learning rates are those of cifar10-airbench.
    """

    epochs: int
    batch: int = 256
    learning_rate: float = 0.375  # peak of the triangle
    bias_boost: float = 64.0  # normalisation biases learn this much faster
    linear_damp: float = 64.0  # the last layer learns this much slower
    momentum: float = 0.85
    weight_decay: float = 1.33e-3
    adaptive: bool = False  # AdamW instead of Nesterov SGD
    label_smoothing: float = 0.1
    warm_up: float = 0.23  # share of the steps in which the learning rate rises
    shift: int = 4  # pixels of random translation, reflected at the border
    cutout: int = 8  # side in pixels of the square that is greyed at a random place
    polish: bool = False  # goes on from the finished classifier, with soft labels of the others
    plain: float = 0.1  # share of the epochs, the last, that see whole and unshifted pictures
    images: int | None = None
    last: int | None = None  # of the training images only the last so many
    seed: int = 0


CLASSIFIER_PRESETS = {
    "default": ClassifierPreset(epochs=30),
    # Half the time: less is cut away, for there are fewer epochs to see the rest.
    "short": ClassifierPreset(epochs=16, shift=2, cutout=0),
    # A finished classifier, folded, learns a little more from the rest of the panel's predictions.
    "polish": ClassifierPreset(
        epochs=4,
        learning_rate=3e-4,
        bias_boost=1.0,
        linear_damp=1.0,
        weight_decay=0.05,
        adaptive=True,
        shift=0,
        plain=0.25,
        polish=True,
    ),
    # For depthwise convolutions and attention, which plain SGD trains badly.
    "adaptive": ClassifierPreset(
        epochs=6,
        learning_rate=2e-3,
        bias_boost=1.0,
        linear_damp=1.0,
        weight_decay=0.05,
        adaptive=True,
        shift=2,
        cutout=0,
    ),
    # Eight epochs are enough to compare what can be learned from which pictures.
    "brief": ClassifierPreset(epochs=8, shift=2, cutout=0),
    # Classifiers that only help a generator: of images on which that one is not trained, so that
    # there they disagree with the panel as machines do that nobody has met.
    "assistant": ClassifierPreset(epochs=3, shift=2, cutout=0, last=30_000),
    "smoke": ClassifierPreset(epochs=1, batch=32, images=128),
}


PROBE = 2000  # test images on which a generator is measured after every epoch of its training


@dataclass(frozen=True)
class GeneratorPreset:
    """Settings of one generator's training. `images` caps both splits (None: all).

    The names of the fields are in the provenance of weights that ship, and so do not change.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    alpha: float = 1.0  # weight of L_m, eq. 7
    beta: float = 1.0  # weight of L_s, eq. 7
    conditioned: bool = False  # is given the four CAMs and labels, not the merged CAM alone
    confident: bool = False  # is given the panel's probabilities as well as its labels
    skips: bool = False  # the decoder also sees what the encoder saw at each resolution
    asked: int | None = None  # panel members that take part in a step, drawn at random; None: all
    wanted: float = 1.0  # D_t (eq. 10) is multiplied by this
    ramp: float = 0.0  # share of the steps, the first, in which that rises from a fifth of it
    varied: float = 0.0  # share of each batch with a random multiple of that as its strength
    cosine: bool = True  # cosine learning rate after a short warm-up; else constant
    decoupled: bool = True  # weight decay as in AdamW; else added to the gradient, as in Adam
    average: float = 0.0  # decay of the exponential moving average of the weights; 0: none
    clipped: bool = True  # L_m and L_s see the change that survives clipping; else E itself
    assistants: tuple[str, ...] = ()  # further classifiers of the loss; not given to the network
    universal: bool = False  # they are to predict the panel's majority vote, not their own label
    diverse: float = 0.0  # share of the steps in which the panel is shown shifted pictures
    contrary: float = 0.0  # share of images for which one member is to predict another class
    shifted: int = 0  # pixels by which pictures, and their CAMs with them, are moved in each step
    mixtures: int = 0  # of two images; those of which the panel disagrees join the images
    scaled: float = 0.0  # mean PSNR, dB, to which the finished change is scaled; 0: it is not
    normalised: bool = False  # goes on with batch normalisation (the paper's network)
    begins: str = ""  # the finished generator that this one goes on from
    weakened: float = 0.0  # share of each batch shown at a random strength k/9, k = 1…8
    faint: bool = False  # of images on which the panel disagrees, k = 1…3 instead
    images: int | None = None
    seed: int = 0


DEFAULT = GeneratorPreset(
    epochs=10,
    batch=128,
    learning_rate=2e-3,
    weight_decay=1e-3,
    alpha=2.0,
    beta=0.03,
    average=0.998,
    asked=2,
    wanted=1.05,
    ramp=0.25,
    weakened=0.2,
)
# Goes on from "contradicting": shorter steps, and real disagreement, at every strength. It sees as
# many mixtures as images: what the panel agrees on is learned already.
REFINED = replace(
    DEFAULT,
    epochs=6,
    learning_rate=7e-4,
    conditioned=True,
    skips=True,
    wanted=1.25,
    ramp=0.0,
    varied=0.3,
    weakened=0.5,
    contrary=0.3,
    mixtures=40_000,
    images=20_000,
    begins="contradicting",
)
GENERATOR_PRESETS = {
    # The paper's schedule: Adam, batch 50, 1e-5, weight decay 1e-3, 200 epochs.
    "paper": GeneratorPreset(
        epochs=200,
        batch=50,
        learning_rate=1e-5,
        weight_decay=1e-3,
        cosine=False,
        decoupled=False,
        clipped=False,
    ),
    "default": DEFAULT,
    # The average must not reach back to the first steps of so short a training.
    "quick": replace(DEFAULT, epochs=2, average=0.98),
    # Our extension: what the engine has anyway, given to the network, and a strength to choose. It
    # practises what to do where the panel disagrees.
    "contradicting": replace(
        DEFAULT,
        epochs=12,
        conditioned=True,
        skips=True,
        wanted=1.15,
        varied=0.4,
        weakened=0.4,
        contrary=0.3,
    ),
    "refined": REFINED,
    # Goes on from that, with the panel's probabilities as an input: at small strengths it is the
    # least confident classifier whose label changes.
    "even": replace(
        REFINED,
        epochs=4,
        confident=True,
        varied=0.2,
        weakened=0.7,
        faint=True,
        contrary=0.15,
        begins="refined",
    ),
    # The paper's network goes on, to a larger change.
    "stronger": replace(
        DEFAULT,
        epochs=3,
        learning_rate=1e-3,
        alpha=3.0,
        wanted=1.35,
        ramp=0.0,
        begins="default",
    ),
    # And goes on once more: it had learned its pictures by heart, so now they are moved. What is
    # wanted is out of reach: every picture is drawn on alike, and changes as it easily can.
    "shifted": replace(
        DEFAULT,
        epochs=8,
        alpha=1.6,
        wanted=3.0,
        ramp=0.0,
        shifted=3,
        begins="stronger",
    ),
    # And once more with batch normalisation, which a finished network has no longer.
    "normalised": replace(
        DEFAULT,
        epochs=8,
        learning_rate=3e-3,
        alpha=0.42,
        wanted=3.0,
        ramp=0.0,
        shifted=2,
        scaled=9.5,
        normalised=True,
        begins="shifted",
    ),
    # The conditioned one at length, for a GPU: more disagreement than it can learn by heart.
    "steady": replace(
        REFINED,
        epochs=80,
        batch=500,
        learning_rate=1e-3,
        confident=True,
        wanted=1.2,
        varied=0.1,
        weakened=0.8,
        faint=True,
        contrary=0.15,
        asked=None,
        mixtures=200_000,
        images=None,
        begins="conditioned",
    ),
    # Our extension for machines outside the panel: more of them, of other kinds, are in the loss.
    # It goes on from the paper's network, which writes what outsiders read as well.
    "transfer": replace(
        DEFAULT,
        epochs=4,
        learning_rate=1e-3,
        conditioned=True,
        confident=True,
        asked=3,
        wanted=1.35,
        ramp=0.0,
        varied=0.2,
        shifted=3,
        assistants=("inception", "mixer"),
        universal=True,
        diverse=0.5,
        begins="stronger",
    ),
    "smoke": GeneratorPreset(
        epochs=1, batch=32, learning_rate=1e-3, weight_decay=1e-3, beta=0.1, asked=2, images=256
    ),
}


@dataclass(frozen=True)
class HumanPreset:
    """Settings of HVS-SD's three trainings: degradation, attention branch, JND network.

    Steps of Adam with a cosine learning rate each. `images` caps the photos (None: all).
    """

    degradation_steps: int
    branch_steps: int
    jnd_steps: int
    batch: int = 8
    crop: int = 128  # pixels, a multiple of 16
    channels: int = 128  # of the degradation autoencoder
    learning_rate: float = 5e-4  # peak, of all three
    fidelity: float = 0.01  # weight of the squared error in 8-bit levels against bits per pixel
    visible: float = 0.5  # JOD below 10 at which noise at the threshold is held, per crop
    held: float = 4.0  # weight of the squared share by which it is not
    quality: float = 0.5  # weight of the adaptive mix of quality losses
    magnitude: float = 0.1  # weight of the magnitude term
    tint: float = 0.2  # weight of the mean change of small squares
    agreement: float = 0.5  # weight of the agreement of the attention maps
    taught: float = 0.5  # share of the steps that see the true maps, not the branch's
    average: float = 0.995  # decay of the exponential moving average of the JND network
    save_every: int = 100  # steps
    images: int | None = None
    seed: int = 0


HUMAN_DEFAULT = HumanPreset(degradation_steps=1500, branch_steps=600, jnd_steps=1300)
HUMAN_PRESETS = {
    "default": HUMAN_DEFAULT,
    "quick": replace(HUMAN_DEFAULT, degradation_steps=300, branch_steps=150, jnd_steps=500),
    "smoke": replace(
        HUMAN_DEFAULT,
        degradation_steps=4,
        branch_steps=4,
        jnd_steps=6,
        batch=2,
        crop=64,
        channels=16,
        average=0.5,
        save_every=2,
        images=4,
    ),
}
