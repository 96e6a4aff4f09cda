"""The page about the shipped model, generated from its card. `docs/generate.py` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from inkread.loading import NAMED, SHIPPED
from inkread.models.card import Card, load_card
from inkread.models.files import DETECTOR_NAME

SETS = {
    "MNIST test": "MNIST's 10 000 test images",
    "usps": "USPS: digits from envelopes, 16x16",
    "optdigits": "optdigits: Turkish forms, 32x32 bitmaps",
    "drawn/eval": "drawn digits, in shapes that MNIST's writers do not use",
    "european": "scanned European cells: flagged 1, crossed 7, open 4; digits 0 to 7",
    "pictures": "291 real pictures of one digit, 41 sources",
    "nondigits": "pictures without a digit",
    "held-out families": "drawn kinds of non-digits that training never sees",
}
"""The sets that the scores on a card were measured on; see also benchmarks/ACCURACY.md."""


def model_card() -> str:
    """Return the page as Markdown."""
    cards = {name: load_card(folder) for name, folder in NAMED.items()}
    return "\n".join(
        [
            *_head(cards["shipped"]),
            *_scores(cards),
            *_confusion(cards["shipped"]),
            *_describe_run(cards["shipped"]),
            *_texts(cards["shipped"]),
            *_detector(load_card(SHIPPED / DETECTOR_NAME)),
        ]
    )


def hugging_face_card() -> str:
    """Return the model card as Hugging Face reads it: what it lists and searches for, how to use it, and the page."""
    card = load_card(SHIPPED)
    scores = card.scores["right"]
    results = "".join(
        f"      - task: {{type: image-classification}}\n"
        f"        dataset: {{name: {SETS[name].split(':')[0]}, type: {name.split()[0].lower()}}}\n"
        f"        metrics: [{{type: accuracy, value: {scores[name]}}}]\n"
        for name in ("MNIST test", "usps", "optdigits")
    )
    # The page links to others of the documentation, which are not beside this one.
    page = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", model_card().partition("# Model card\n")[2])
    return f"""---
# Written by docs/generate.py; run `make docs`. Upload this file with model.onnx and card.json of the shipped model.
license: apache-2.0
library_name: onnx
pipeline_tag: image-classification
tags: [handwriting, digits, ocr, onnx]
datasets: [ylecun/mnist]
model-index:
  - name: inkread
    results:
{results}---
# inkread

A network of {card.parameters:,} weights that reads one handwritten digit, 28x28, or says that it is none. The package
finds the digits on photographs, pages and tables first, and says how sure it is of a whole number:

    pip install inkread
    inkread 7.jpg
{page}"""


def _head(card: Card) -> Iterator[str]:
    yield "<!-- Written by docs/generate.py from the card of the shipped model; run `make docs`. -->"
    yield "# Model card\n"
    yield "The content of `card.json` beside the shipped model. In Python, it is `Reader().card`.\n"
    yield "**Use it for** reading handwritten digits, one glyph at a time, after inkread's other steps. **Do not use**"
    yield f"it where a wrong digit does harm and nobody checks. {card.limits}\n"
    yield "**Input**: glyphs, 28x28, ink as 1 and paper as 0, with MNIST's conventions. **Output**: eleven"
    yield "probabilities, for the ten digits and for the class non-digit.\n"


def _scores(cards: dict[str, Card]) -> Iterator[str]:
    yield "## How good it is\n"
    yield "In percent, for the shipped model and for `tiny`, the same in 8-bit integers. *Right*: the likeliest digit"
    yield "is right. *Accepted*: it is right and not refused.\n"
    yield "| measured on | right | accepted | right, `tiny` | accepted, `tiny` |\n|---|---|---|---|---|"
    shipped, tiny = (cards[name].scores for name in ("shipped", "tiny"))
    for name in shipped["right"]:
        cells = [scores[kind].get(name, "") for scores in (shipped, tiny) for kind in ("right", "accepted")]
        yield _row(SETS.get(name, name), *cells)
    yield "\n| correctly refused | shipped | `tiny` |\n|---|---|---|"
    for name, share in shipped["refused"].items():
        yield _row(SETS.get(name, name), share, tiny["refused"][name])
    yield "\n| | shipped | `tiny` |\n|---|---|---|"
    yield _row("size, KiB", *(f"{scores['speed']['bytes'] / 1024:.0f}" for scores in (shipped, tiny)))
    yield _row(
        "glyphs per second on all cores", *(f"{scores['speed']['glyphs_a_second']:,.0f}" for scores in (shipped, tiny))
    )
    yield f"\nSpeed was measured on {_words(shipped['speed']['on'])}.\n"


def _confusion(card: Card) -> Iterator[str]:
    test = card.test
    yield f"## MNIST's test images\n\n{test['accuracy']:.2%} of {test['images']:,} right. {card.protocol}\n"
    yield "Rows: the true digit; columns: the digit that was read.\n"
    yield _row("", *(f"**{digit}**" for digit in range(10))) + "\n|---" + "|---:" * 10 + "|"
    for digit, counts in enumerate(test["confusion"]):
        yield _row(f"**{digit}**", *(count or "" for count in counts))


def _describe_run(card: Card) -> Iterator[str]:
    fitted, data, minutes = card.calibration, card.data, card.seconds["total"] / 60
    yield "\n## What its confidence means\n"
    yield f"Fitted on {fitted['data']}. The digits' log probabilities are divided by {card.temperature}. A glyph"
    yield f"with a non-digit probability above {card.no_digit:.0%} is refused as `no-digit`, and one with a confidence"
    yield f"below {card.min_confidence:.0%} as `unsure`. The expected calibration error is {fitted['error']};"
    yield f"{fitted['kept']:.1%} of the pictures are not refused.\n"
    yield from _promise(card)
    yield "## How it was made\n\n| | |\n|---|---|"
    yield _row("recipe", f"`{card.recipe}`, seed {card.seed}, {card.settings['epochs']} epochs, [its settings](cli.md)")
    yield _row("trained on", f"{data['name']}, {data['images']:,} images; {data['glyphs']:,} glyphs in all")
    yield _row("trainable weights", f"{card.parameters:,}")
    yield _row("date and duration", f"{card.created[:10]}, {minutes:.0f} minutes")
    yield _row("hardware", _words(card.hardware))
    yield _row("versions", ", ".join(f"{name} {version}" for name, version in card.versions.items()))
    yield _row("SHA-256 of model.onnx", f"`{card.model_sha256}`")


def _texts(card: Card) -> Iterator[str]:
    """Yield what the confidence of whole texts is worth."""
    texts = card.calibration["texts"]
    doubts = ", ".join(f"{name} {weight:.2f}" for name, weight in card.text_doubts.items())
    yield "\n## What the confidence of a whole text means\n"
    yield "The confidence of a text is the probability that all its digits are right, with none missing or too many."
    yield f"It is logistic in doubts about the page: the log odds are {card.text_odds:.2f}, minus each doubt times its"
    yield f"weight. The weights are: {doubts}. `inkread.recognition.acceptance.text_doubts` defines the doubts."
    yield "That is multiplied by the confidences of the signs. Each group of pictures was measured"
    yield "with a fit on the others (`benchmarks/calibrate_texts.py`).\n"
    yield "The confidence of a number is the product of those of its digits and signs. On a page with several digits,"
    yield f"that of a digit is its probability to the power {card.text_power:.2f}, and that of a sign to the power"
    yield f"{card.sign_power:.2f}.\n"
    yield "| set | texts | right | calibration error | confidence 0.9 or more | of those, right |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, found in texts["sets"].items():
        shares = (f"{found[key]:.1%}" for key in ("sure", "right_if_sure"))
        yield _row(name, found["texts"], f"{found['right']:.1%}", f"{found['error']:.3f}", *shares)


def _detector(card: Card) -> Iterator[str]:
    """Yield how the detector was made, with the licences of its material."""
    data, minutes = card.data, _seconds(card.epochs) / 60
    fonts = ", ".join(f"{name} ({about['licence']})" for name, about in sorted(data["fonts"].items()))
    photographs = ", ".join(
        f"{name} ({', '.join(about['licences'])})" for name, about in sorted(data["photographs"].items())
    )
    yield "\n## The detector\n"
    yield "It finds the marks on a page, and its opinion on each digit counts beside that of the glyph network."
    yield f"{card.limits}\n"
    yield "| | |\n|---|---|"
    yield _row("recipe", f"`{card.recipe}`, seed {card.seed}, {card.settings['epochs']} epochs")
    yield _row(
        "trained on", f"{data['patches']:,} drawn patches of pages with MNIST's training digits, strokes and fonts"
    )
    yield _row("trainable weights", f"{card.parameters:,}")
    yield _row("date and duration", f"{card.created[:10]}, {minutes:.0f} minutes")
    yield _row("hardware", _words(card.hardware))
    yield _row("SHA-256 of model.onnx", f"`{card.model_sha256}`")
    yield f"\nFonts, from npm's @fontsource: {fonts}.\n"
    yield f"Photographs, from Debian's packages: {photographs}."


def _seconds(epochs: list[dict[str, float]]) -> float:
    """Return the duration of all epochs. Their seconds count from the start, or from where a run was continued."""
    ends = [epoch["seconds"] for epoch in epochs]
    return sum(end - before if end > before else end for before, end in pairwise([0.0, *ends]))


def _promise(card: Card) -> Iterator[str]:
    """Yield the guarantee of `candidates`."""
    if card.conformal is None:
        return
    fitted, conformal = card.calibration, card.conformal
    sets = "; ".join(
        f"for {promised}, {fitted['candidates'][promised]:.2f} digits on average, with the true one in {covered:.2%}"
        for promised, covered in fitted["covered"].items()
    )
    yield "`reading.digits[0].candidates(P)` gives a set of digits that contains the true one with probability P, by"
    yield f"split conformal prediction. Measured on each source with scores of the others: {sets}."
    yield f"{conformal.count} pictures allow at most {conformal.most:.6f}; above that, all ten digits are returned.\n"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _words(hardware: dict[str, Any]) -> str:
    return f"{hardware['processor']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB"
