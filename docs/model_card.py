"""The page about the shipped model, made from its card: `docs/generate.py` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inkread.loading import NAMED
from inkread.models.card import Card, load_card

SETS = {
    "MNIST test": "MNIST's 10 000 test images",
    "usps": "USPS: digits from envelopes, 16x16",
    "optdigits": "optdigits: Turkish forms, 32x32 bitmaps",
    "drawn/eval": "drawn digits, in forms that MNIST's writers do not use",
    "european": "scanned European cells: flagged 1, crossed 7, open 4; digits 0 to 7",
    "pictures": "291 real pictures of one digit, 41 sources",
    "nondigits": "pictures without a digit",
    "held-out families": "drawn kinds of no digit that training never sees",
}
"""What the scores on a card were measured on; benchmarks/ACCURACY.md says more."""


def model_card() -> str:
    """Return the page as Markdown."""
    cards = {name: load_card(folder) for name, folder in NAMED.items()}
    return "\n".join(
        [*_head(cards["shipped"]), *_scores(cards), *_confusion(cards["shipped"]), *_made(cards["shipped"])]
    )


def _head(card: Card) -> Iterator[str]:
    yield "<!-- Written by docs/generate.py from the card of the shipped model; run `make docs`. -->"
    yield "# Model card\n"
    yield "What stands in `card.json` beside the model that is shipped. `Reader().card` gives the same to a program.\n"
    yield "**For** reading handwritten digits, one glyph at a time, behind inkread's own steps. **Not for** anything"
    yield f"where a wrong digit does harm and nobody looks. {card.limits}\n"
    yield "**Takes** glyphs, 28x28, ink as 1 and paper as 0, with MNIST's conventions. **Gives** eleven"
    yield "probabilities: ten digits, and no digit at all.\n"


def _scores(cards: dict[str, Card]) -> Iterator[str]:
    yield "## How good it is\n"
    yield "Per cent, of the shipped model and of `tiny`, the same in 8-bit integers. *Right* is the likeliest digit;"
    yield "*accepted* is right and not refused.\n"
    yield "| measured on | right | accepted | right, `tiny` | accepted, `tiny` |\n|---|---|---|---|---|"
    shipped, tiny = (cards[name].scores for name in ("shipped", "tiny"))
    for name in shipped["right"]:
        cells = [scores[kind].get(name, "") for scores in (shipped, tiny) for kind in ("right", "accepted")]
        yield _row(SETS.get(name, name), *cells)
    yield "\n| refused, as it should be | shipped | `tiny` |\n|---|---|---|"
    for name, share in shipped["refused"].items():
        yield _row(SETS.get(name, name), share, tiny["refused"][name])
    yield "\n| | shipped | `tiny` |\n|---|---|---|"
    yield _row("size, KiB", *(f"{scores['speed']['bytes'] / 1024:.0f}" for scores in (shipped, tiny)))
    yield _row(
        "glyphs a second on all cores", *(f"{scores['speed']['glyphs_a_second']:,.0f}" for scores in (shipped, tiny))
    )
    yield f"\nSpeed on {_words(shipped['speed']['on'])}.\n"


def _confusion(card: Card) -> Iterator[str]:
    test = card.test
    yield f"## MNIST's test images\n\n{test['accuracy']:.2%} of {test['images']:,} right. {card.protocol}\n"
    yield "Rows: what it is; columns: what was read.\n"
    yield _row("", *(f"**{digit}**" for digit in range(10))) + "\n|---" + "|---:" * 10 + "|"
    for digit, counts in enumerate(test["confusion"]):
        yield _row(f"**{digit}**", *(count or "" for count in counts))


def _made(card: Card) -> Iterator[str]:
    fitted, data, minutes = card.calibration, card.data, card.seconds["total"] / 60
    yield "\n## What its confidence means\n"
    yield f"Fitted on {fitted['data']}. The digits' log probabilities are divided by {card.temperature}; what is no"
    yield f"digit with more than {card.no_digit:.0%} is refused as `no-digit`, and what is less sure than"
    yield f"{card.min_confidence:.0%} as `unsure`. Expected calibration error {fitted['error']}; {fitted['kept']:.1%}"
    yield "of the pictures are kept.\n"
    yield from _promise(card)
    yield "## How it was made\n\n| | |\n|---|---|"
    yield _row("recipe", f"`{card.recipe}`, seed {card.seed}, {card.settings['epochs']} epochs, [its settings](cli.md)")
    yield _row("learnt from", f"{data['name']}, {data['images']:,} images; {data['glyphs']:,} glyphs in all")
    yield _row("trainable weights", f"{card.parameters:,}")
    yield _row("when, and for how long", f"{card.created[:10]}, {minutes:.0f} minutes")
    yield _row("on", _words(card.hardware))
    yield _row("with", ", ".join(f"{name} {version}" for name, version in card.versions.items()))
    yield _row("SHA-256 of model.onnx", f"`{card.model_sha256}`")


def _promise(card: Card) -> Iterator[str]:
    """Yield what `candidates` promises."""
    if card.conformal is None:
        return
    fitted, conformal = card.calibration, card.conformal
    sets = ", ".join(
        f"{promised}: {fitted['candidates'][promised]:.2f} digits in the mean, the true one among {covered:.2%}"
        for promised, covered in fitted["covered"].items()
    )
    yield "`reading.digits[0].candidates(P)` gives the digits among which the true one is with the probability P, by"
    yield f"split conformal prediction. Each source with scores of the others: at {sets}."
    yield f"{conformal.count} pictures can promise {conformal.most:.6f} at most; above, all ten digits are returned.\n"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _words(hardware: dict[str, Any]) -> str:
    return f"{hardware['processor']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB"
