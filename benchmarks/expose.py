"""Give the network of a model folder the output `features`, by which it can be taught, and keep its card right.

    python benchmarks/expose.py src/inkread/models/shipped src/inkread/models/shipped/tiny

Every model that inkread exports has it; this is for those exported before. Its weights stay as they are.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from inkread.models.card import load_card
from inkread.models.loading import MODEL_NAME
from inkread.training.features import expose_features
from inkread.training.machine import file_sha256


def main() -> None:
    """Expose the features of each folder's network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="MODEL_FOLDER")
    for folder in parser.parse_args().folders:
        expose_features(folder / MODEL_NAME)
        replace(load_card(folder), model_sha256=file_sha256(folder / MODEL_NAME)).save(folder)
        print(f"{folder} gives its features")


if __name__ == "__main__":
    main()
