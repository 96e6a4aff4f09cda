"""The training framework: imported late and quietly, with advice if it is missing."""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from types import ModuleType

from inkread.errors import MissingExtra
from inkread.system import quiet_stderr


def check_keras(purpose: str) -> None:
    """Raise `MissingExtra`, naming the purpose, if Keras is not installed. Nothing is imported."""
    if importlib.util.find_spec("keras") is None:
        raise MissingExtra(purpose, "train")


def load_keras(purpose: str) -> ModuleType:
    """Return the module `keras`, with its backend silenced.

    Takes 2 to 6 s the first time. Raises `MissingExtra`, naming the purpose, where Keras or its backend is not
    installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow disables oneDNN by default on processors without AVX-512.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        with quiet_stderr():
            import keras

            # Starts the backend, which logs more at its first use.
            keras.random.uniform((1,))
    except ImportError:
        raise MissingExtra(purpose, "train") from None
    logging.getLogger("absl").setLevel(logging.ERROR)
    module: ModuleType = keras
    return module


def has_bfloat16() -> bool:
    """Tell whether the processor has bfloat16 instructions; without them it is emulated, which is slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
