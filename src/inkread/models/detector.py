"""The detector: a network that sees the surroundings, from a view of a page to a map of the marks on it.

It is fully convolutional, so a view may have any size. Every cell of its map stands for `STRIDE` x `STRIDE` pixels of
the view and says how likely the centre of a mark is there, what mark it is, where its edges are, and whether it was
printed (after Zhou et al. 2019, "Objects as points", arXiv:1904.07850).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.marks import CHANNELS, MULTIPLE, SIDE_UNIT, SIDES_FROM, SIDES_TO, STRIDE
from inkread.models.files import ANOTHER, DETECTOR_NAME, MODEL_NAME, check_size
from inkread.models.session import Session, cause_of, check_onnx, onnx_session

SHIPPED_DETECTOR = Path(__file__).parent / "shipped" / DETECTOR_NAME / MODEL_NAME
"""The detector inside the package, which finds the marks for every model that comes without one."""


class Detector:
    """The network that finds marks, in ONNX Runtime.

    session: what runs it: (1, H, W, 1) float32 to (1, H / 4, W / 4, CHANNELS) float32.
    name: the name of the model, for messages.
    """

    def __init__(self, session: Session, *, name: str = "the detector") -> None:
        self._session = session
        self._name = name
        self._input = str(session.get_inputs()[0].name)

    def outputs(self, view: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network gives for a view, (H, W) float32: (ceil(H / 4), ceil(W / 4), CHANNELS) float32.

        A cell holds the logit of a centre, the logits of the classes, the distances to the left, upper, right and lower
        edge in pixels of the view, and the logit of print. Raises `ModelError` if the network does not run.
        """
        height, width = view.shape
        filled = np.zeros((1, _round_up(height), _round_up(width), 1), np.float32)
        filled[0, :height, :width, 0] = view
        try:
            cells = self._session.run(None, {self._input: filled})[0][0]
        except Exception as error:  # noqa: BLE001 - ONNX Runtime raises a different class for every cause
            size = f"{filled.shape[2]} x {filled.shape[1]} pixels"
            raise ModelError(f"{self._name}: cannot be run on {size} ({cause_of(error)}); {ANOTHER}") from None
        cells = np.array(cells[: -(-height // STRIDE), : -(-width // STRIDE)], np.float32)
        cells[..., SIDES_FROM:SIDES_TO] *= SIDE_UNIT
        return cells


def load_detector(model: Path | None = None) -> Detector:
    """Return the detector of a model folder, or the shipped one if it has none.

    Raises `ModelError` for a detector that does not run.
    """
    own = None if model is None else model / DETECTOR_NAME / MODEL_NAME
    if own is None or not own.is_file() or own == SHIPPED_DETECTOR:
        return _shipped_detector()
    check_size(own)
    content = own.read_bytes()
    check_onnx(content, own)
    detector = Detector(onnx_session(content, own), name=str(own))
    channels = detector.outputs(np.zeros((MULTIPLE, MULTIPLE), np.float32)).shape[2]
    if channels != CHANNELS:
        raise ModelError(f"{own}: gives {channels} channels, but a detector gives {CHANNELS}; train it again")
    return detector


@cache
def _shipped_detector() -> Detector:
    return Detector(onnx_session(SHIPPED_DETECTOR.read_bytes(), SHIPPED_DETECTOR, trusted=True))


def _round_up(side: int) -> int:
    """Return the length of a side, rounded up to a multiple of `MULTIPLE`."""
    return -(-side // MULTIPLE) * MULTIPLE
