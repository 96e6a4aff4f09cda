"""The training framework: imported late, quietly, and with the way to install it where it is missing."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import ModuleType

from inkread.errors import MissingExtra
from inkread.system import quiet_stderr


def load_keras(purpose: str) -> ModuleType:
    """Return the module `keras`, with its backend set up to be silent.

    Takes 2 to 6 s the first time. Raises `MissingExtra`, naming the purpose, where Keras or its backend is not
    installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # left out by TensorFlow itself where there is no AVX-512
    try:
        with quiet_stderr():
            import keras

            keras.random.uniform((1,))  # wakes the backend, which has more to say only now
    except ImportError:
        raise MissingExtra(purpose, "train") from None
    logging.getLogger("absl").setLevel(logging.ERROR)
    module: ModuleType = keras
    return module


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies in bfloat16; elsewhere it would be emulated and slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
