"""Grounds of documents: plain paper, security patterns, textures and photographs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.marks import Grey

Light = NDArray[np.float32]
"""The light that each point of a page reflects, (height, width) float32, about 0 to 1."""

GroundKind = Literal["plain", "guilloche", "texture", "photograph"]


def document_ground(
    kind: GroundKind, size: tuple[int, int], photographs: tuple[Grey, ...], *, rng: np.random.Generator
) -> Light:
    """Return the ground of a document, `size` (height, width) pixels large. Without photographs, it is plain."""
    if kind == "photograph" and photographs:
        return _part_of(photographs[rng.integers(len(photographs))], size, rng)
    light = _tint(size, rng)
    if kind in _PATTERNS:
        light = _PATTERNS[kind](light, rng)
    return _add_grain(light, rng)


def _tint(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Return an even tint that is a little darker towards one corner."""
    across = np.linspace(-0.5, 0.5, size[1], endpoint=False, dtype=np.float32) * np.float32(rng.normal(0, 0.07))
    down = np.linspace(-0.5, 0.5, size[0], endpoint=False, dtype=np.float32) * np.float32(rng.normal(0, 0.07))
    return np.float32(rng.uniform(0.55, 1)) + across[None] + down[:, None]


def _add_grain(light: Light, rng: np.random.Generator) -> Light:
    """Add the grain of paper and, to a third of the pages, the shadows of crumpled paper."""
    grain = rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(0.003, 0.045))
    if rng.random() < 0.3:
        shadows = rng.normal(0, 0.06, (3, 6)).astype(np.float32)
        grain += cv2.resize(shadows, light.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return light + grain


def _guilloche(light: Light, rng: np.random.Generator) -> Light:
    """Print one to three sets of wavy lines, as on cheques and banknotes. A third of the sets are crossed by others."""
    y, x = np.indices(light.shape, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        pitch, angle = rng.uniform(2.5, 11), rng.uniform(0, np.pi)
        sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
        along, across = x * cosine + y * sine, y * cosine - x * sine
        bow = np.sin(across * np.float32(rng.uniform(0.01, 0.09)) + np.float32(rng.uniform(0, 6)))
        waved = along + np.float32(rng.uniform(0, 2.5) * pitch) * bow
        lines = np.sin(waved * np.float32(2 * np.pi / pitch) + np.float32(rng.uniform(0, 6)))
        if rng.random() < 0.3:
            lines *= np.sin(across * np.float32(2 * np.pi / (pitch * rng.uniform(0.7, 1.5))))
        share, sharpness = np.float32(rng.uniform(-0.2, 0.75)), np.float32(rng.uniform(1.5, 4))
        light = light - np.float32(rng.uniform(0.02, 0.16)) * np.clip((lines - share) * sharpness, 0, 1)
    return light


def _texture(light: Light, rng: np.random.Generator) -> Light:
    """Add the weave of cloth or the fibres of rough paper."""
    cells = (max(2, int(light.shape[0] / rng.uniform(1.5, 6))), max(2, int(light.shape[1] / rng.uniform(1.5, 12))))
    lumps = cv2.resize(rng.standard_normal(cells, np.float32), light.shape[::-1])
    return light + lumps * np.float32(rng.uniform(0.01, 0.06))


def _part_of(photograph: Grey, size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Return a part of a photograph, enlarged up to three times."""
    scale = rng.uniform(0.3, 1.0)
    rows, columns = (min(whole, int(side / scale) + 1) for whole, side in zip(photograph.shape, size, strict=True))
    top = int(rng.integers(0, photograph.shape[0] - rows + 1))
    left = int(rng.integers(0, photograph.shape[1] - columns + 1))
    part = cv2.resize(photograph[top : top + rows, left : left + columns], size[::-1])
    return part / np.float32(255)


_PATTERNS: dict[str, Callable[[Light, np.random.Generator], Light]] = {"guilloche": _guilloche, "texture": _texture}
