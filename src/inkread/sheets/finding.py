"""Finding: where the sheet is on a photograph, and which sheet and page it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import PictureError
from inkread.sheets.codes import CORNERS, DICTIONARY, MARKER_IDS, QR_CELLS, SheetCode
from inkread.sheets.page_layout import SIZES, Rect, code_places, marker_places

Grey = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FindingLimits:
    """The limits of this module, each with its unit."""

    search: int = 2_000_000
    """Markers are searched in the photograph reduced to this many pixels, and then on all of them."""
    markers: int = 3
    """The smallest number of corners that must be seen."""
    residual: float = 1.2
    """The largest distance between the corners as they are and as they should be, root mean square in millimetres."""
    shift: float = 0.5
    """A code is also looked for at this distance from its place, in millimetres, since paper bends."""
    cell: int = 8
    """The side of a cell of a code when it is drawn again, in pixels."""


LIMITS = FindingLimits()

_FOUR = frozenset(CORNERS)
_IDS = {marker: corner for corner, marker in MARKER_IDS.items()}


@dataclass(frozen=True, slots=True)
class FoundSheet:
    """A sheet on a photograph.

    code: what its QR code says.
    to_picture: (3, 3) float64, takes millimetres on the paper to pixels of the photograph.
    residual: the distance between the corners as they are and as they should be, root mean square in millimetres.
    """

    code: SheetCode
    to_picture: NDArray[np.float64]
    residual: float


def find_sheet(grey: Grey, name: str, size: tuple[float, float]) -> FoundSheet:
    """Return the sheet on a photograph, (H, W) uint8 with dark ink.

    name: what the picture is called in messages.
    size: width and height of the paper of the expected form, in millimetres.

    Raises `PictureError` with the code "no-sheet" unless three corners, and the code "no-code" unless a QR code of a
    sheet are seen, and "bent" for paper that is too crooked.
    """
    corners = _corners(grey)
    if len(corners) < LIMITS.markers:
        raise PictureError(f"{name}: sheet not found: {_missing(corners)}", code="no-sheet")
    for paper in _papers(size):
        to_picture, residual = _fitted(corners, paper)
        if code := _code(grey, to_picture, paper):
            if residual > LIMITS.residual:
                raise PictureError(
                    f"{name}: the corners fit the form only to {residual:.1f} mm; flatten the paper and photograph it "
                    "again",
                    code="bent",
                )
            return FoundSheet(code, to_picture, residual)
    raise PictureError(
        f"{name}: the corners of a sheet were found, but neither of its QR codes can be read; photograph it again, "
        "sharper and larger",
        code="no-code",
    )


def _missing(corners: dict[int, Points]) -> str:
    """Return which corners are not seen, in words."""
    missing = sorted(_FOUR - set(corners))
    if len(missing) == len(_FOUR):
        return "none of the black squares in its corners is on the picture"
    numbers = f"{', '.join(map(str, missing[:-1]))} and {missing[-1]}"
    return f"corners {numbers} are covered ({', '.join(CORNERS[corner] for corner in missing)})"


def _corners(grey: Grey) -> dict[int, Points]:
    """Return the outline of the marker of each corner that is seen, (4, 2) points clockwise from its upper left."""
    found: dict[int, Points] = {}
    for view, scale in _views(grey):
        for corner, outline in _markers(view).items():
            found.setdefault(corner, (outline + 0.5) / scale - 0.5)
        if len(found) == len(_FOUR):
            break
    return found


def _views(grey: Grey) -> Iterator[tuple[Grey, float]]:
    """Yield the photograph in sizes and lights in which to look for markers, each with its scale."""
    scale = min(1.0, (LIMITS.search / grey.size) ** 0.5)
    small = grey if scale == 1 else np.asarray(_resized(grey, scale), np.uint8)
    yield small, scale
    even = cv2.createCLAHE(4.0, (8, 8)).apply(small)
    yield np.asarray(cv2.GaussianBlur(even, (3, 3), 0), np.uint8), scale
    yield np.asarray(_resized(small, 0.6), np.uint8), scale * 0.6
    if scale < 1:
        yield grey, 1.0
    else:
        yield np.asarray(_resized(small, 1.6), np.uint8), scale * 1.6


def _resized(grey: Grey, scale: float) -> Grey:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=way), np.uint8)


def _markers(grey: Grey) -> dict[int, Points]:
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(DICTIONARY), settings)
    outlines, ids, _ = detector.detectMarkers(grey)
    if ids is None:
        return {}
    found: dict[int, Points] = {}
    for outline, marker in zip(outlines, np.ravel(ids), strict=True):
        points = np.asarray(outline, np.float64).reshape(4, 2)
        corner = _IDS.get(int(marker))
        # Of two markers with one number, the larger is on the sheet in front.
        if corner and (corner not in found or _area(points) > _area(found[corner])):
            found[corner] = points
    return found


def _area(points: Points) -> float:
    return float(cv2.contourArea(points.astype(np.float32)))


def _papers(size: tuple[float, float]) -> list[tuple[float, float]]:
    """Return all sizes of paper, beginning with the expected one."""
    others = [each for upright in SIZES.values() for each in (upright, upright[::-1])]
    return list(dict.fromkeys([size, *others]))


def _fitted(corners: dict[int, Points], size: tuple[float, float]) -> tuple[NDArray[np.float64], float]:
    """Return the homography from the paper to the picture, and the residual in millimetres."""
    places = marker_places(size)
    paper = np.concatenate([_outline(places[corner]) for corner in corners])
    seen = np.concatenate(list(corners.values()))
    found, _ = cv2.findHomography(paper, seen, 0)
    to_picture = np.asarray(found, np.float64)
    back = cv2.perspectiveTransform(seen[None], np.linalg.inv(to_picture))[0]
    return to_picture, float(np.sqrt(((back - paper) ** 2).sum(axis=1).mean()))


def _outline(place: Rect) -> Points:
    x, y, w, h = place
    return np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], np.float64)


def _code(grey: Grey, to_picture: NDArray[np.float64], size: tuple[float, float]) -> SheetCode | None:
    """Return what one of the QR codes says; None if neither can be read."""
    detector = cv2.QRCodeDetector()
    step = LIMITS.shift
    shifts = [(0.0, 0.0)] + [(x * step, y * step) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]
    for shift in shifts:
        for place in code_places(size):
            cells = _sampled(grey, to_picture, place, shift)
            if cells is not None and (code := SheetCode.of(_decoded(cells, detector))):
                return code
    return None


def _decoded(cells: NDArray[np.bool_], detector: cv2.QRCodeDetector) -> str:
    """Return the text of a QR code, from which of its cells are black, after drawing it without a flaw."""
    drawn = np.where(np.pad(cells, 4), 0, 255).astype(np.uint8)
    drawn = drawn.repeat(LIMITS.cell, 0).repeat(LIMITS.cell, 1)
    near, far = 4 * LIMITS.cell, (4 + QR_CELLS) * LIMITS.cell
    corners = np.array([[(near, near), (far, near), (far, far), (near, far)]], np.float32)
    try:
        return str(detector.decode(drawn, corners)[0])
    except cv2.error:
        return ""


def _sampled(
    grey: Grey, to_picture: NDArray[np.float64], place: Rect, shift: Sequence[float]
) -> NDArray[np.bool_] | None:
    """Return which cells of a code are black, (25, 25); None if the place is not on the picture or has no contrast."""
    within = (np.arange(QR_CELLS * 3) + 0.5) / 3
    # The outer thirds of a cell are blurred into its neighbours; they count less by being at the edge of a window.
    x = place.x + shift[0] + within * place.w / QR_CELLS
    y = place.y + shift[1] + within * place.h / QR_CELLS
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(1, -1, 2)
    seen = cv2.perspectiveTransform(points, to_picture)[0]
    height, width = grey.shape
    if (seen < 0).any() or (seen[:, 0] > width - 1).any() or (seen[:, 1] > height - 1).any():
        return None
    maps = seen.reshape(QR_CELLS * 3, QR_CELLS * 3, 2).astype(np.float32)
    values = cv2.remap(grey, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR).astype(np.float32)
    weights = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    blocks = values.reshape(QR_CELLS, 3, QR_CELLS, 3)
    means = np.einsum("aibj,ij->ab", blocks, weights)
    if float(np.ptp(means)) < 20:
        return None
    # A shadow may lie on a part of the code.
    kernel = np.ones((9, 9), np.uint8)
    level = (cv2.erode(means, kernel) + cv2.dilate(means, kernel)) / 2
    return np.asarray(means < level)
