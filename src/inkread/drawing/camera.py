"""What a camera does to what it sees: a little blur, a little noise, and JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def photograph(
    scene: NDArray[np.float32], *, rng: np.random.Generator, noise: float = 0.006, quality: int = 90
) -> NDArray[np.uint8]:
    """Return the picture that a phone takes of `scene`.

    `scene` is `(height, width, 3)` float32 RGB from 0 to 1, the picture the same in uint8. `noise` is the
    deviation of the sensor's noise at full light, `quality` (1 to 100) that of the JPEG it stores.
    """
    sharp = rng.uniform(0.4, 0.5 + min(scene.shape[:2]) / 1200)
    seen = cv2.GaussianBlur(scene, (0, 0), sharp)
    # Brightness is noisy from pixel to pixel; colour, which cameras smooth, much less so.
    grey = rng.standard_normal((*scene.shape[:2], 1), dtype=np.float32)
    tint = rng.standard_normal(scene.shape, dtype=np.float32)
    shake = np.sqrt(np.maximum(seen, 0.05)) * (grey + 0.3 * tint)
    return _through_jpeg(to_bytes(np.asarray(seen + noise * shake, np.float32)), quality)


def to_bytes(scene: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as uint8; what lies beyond is clipped."""
    return np.asarray(np.round(np.clip(scene, 0, 1) * 255), np.uint8)


def _through_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()
