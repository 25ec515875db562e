"""Every limit of the demo, in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.images.picture import MAX_PIXELS


@dataclass(frozen=True)
class Limits:
    """Bounds of one server; `build` takes another instance where these do not fit."""

    upload_bytes: int = 30 << 20  # of one file: a large camera JPEG
    pixels: int = 50_000_000  # of an uploaded picture; checked before decoding
    reduced_pixels: int = MAX_PIXELS  # of one that is reduced anyway, for the two thresholds
    machine_pixels: int = 1_000_000  # pictures are shrunk to this for the machine JND
    human_pixels: int = 1_500_000  # pictures are shrunk to this for the human JND: seconds
    preview_pixels: int = 1_000_000  # of a photo behind the boxes of its faces
    gallery_pixels: int = 4_000_000  # of a photo of which every method makes a copy
    compress_pixels: int = 2_000_000  # of a photo to compress, encoded some dozens of times
    mark_pixels: int = 4_000_000  # of a photo to mark, which is changed and read a dozen times
    compress_seconds: float = 60.0  # longest search for its smallest file
    cloak_seconds: float = 120.0  # longest search for one face
    compare_seconds: float = 60.0  # longest search of one method
    methods: int = 8  # compared at once
    pairs: int = 60  # of one viewing test: a quarter of an hour
    viewers: int = 200  # answer files read at once
    answer_bytes: int = 1 << 20  # of one such file; a viewer's has 3 kB
    viewing_bytes: int = 16 << 20  # of a viewer's own pictures as PNG, in memory for the test
    sessions: int = 60  # visitors of whom something is held in memory at once
    queue: int = 24  # jobs that may wait
    at_once: int = 1  # searches and measurements each; the engine uses every core already
    quick: int = 2  # of what takes a moment
    keep_seconds: int = 600  # how long an upload or a result stays on disk
    sweep_seconds: int = 60  # how often older files are deleted

    @property
    def to_reduce(self) -> Limits:
        """The same for a picture that is reduced before anything is measured on it."""
        return replace(self, pixels=max(self.pixels, self.reduced_pixels))

    @property
    def to_compress(self) -> Limits:
        """The same for a photo of which the smallest file is looked for."""
        return replace(self, pixels=min(self.pixels, self.compress_pixels))

    @property
    def to_mark(self) -> Limits:
        """The same for a photo that is marked or read."""
        return replace(self, pixels=min(self.pixels, self.mark_pixels))


DEFAULT = Limits()
