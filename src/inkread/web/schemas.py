"""The schemas of the answers of the REST interface."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inkread.readings import RefusalCode, UnreadReason
from inkread.tables.table import CellState
from inkread.values import NumberKind

Probability = Field(ge=0, le=1)
Base64 = Field(description="base64")


class _Exact(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Refused(_Exact):
    """Why a picture was refused."""

    code: RefusalCode
    message: str


class DigitSchema(_Exact):
    """One digit; its box is x, y, width and height in pixels of the upright picture."""

    digit: int = Field(ge=0, le=9)
    confidence: float = Probability
    probabilities: list[float] = Field(min_length=10, max_length=10)
    box: list[int] = Field(min_length=4, max_length=4)
    line: int = Field(ge=0, description="index in `lines`")
    number: int = Field(ge=0, description="index in `numbers`")


class SignSchema(_Exact):
    """One sign of a number; its box, line and number are as those of a digit."""

    sign: str = Field(min_length=1, max_length=1)
    confidence: float = Probability
    box: list[int] = Field(min_length=4, max_length=4)
    line: int = Field(ge=0)
    number: int = Field(ge=0)


class NumberSchema(_Exact):
    """Digits and signs without a wide gap. `value` is a decimal, an ISO date or a time; null if it is not certain."""

    text: str
    read: str | None = Field(description="the likeliest text without the expectation, if that changed it")
    value: str | None
    kind: NumberKind
    confidence: float = Probability
    box: list[int] = Field(min_length=4, max_length=4)
    line: int = Field(ge=0, description="index in `lines`")
    row: int | None = Field(ge=0, description="its row in its table, from 0; null outside tables")
    column: int | None = Field(ge=0, description="its column, as its row")
    field: str | None = Field(description="the field of a form; null elsewhere")


class CellSchema(_Exact):
    """A cell of a table, with its first row and column and how many it spans; its box is as that of a digit."""

    row: int = Field(ge=0)
    column: int = Field(ge=0)
    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    state: CellState
    numbers: list[int] = Field(description="indices in `numbers`")
    box: list[int] = Field(min_length=4, max_length=4)


class TableSchema(_Exact):
    """A ruled or printed table, or a row of boxes."""

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    cells: list[CellSchema]


class UnreadSchema(_Exact):
    """A place with ink that is not in the text, and why; its box is x, y, width and height as that of a digit."""

    box: list[int] = Field(min_length=4, max_length=4)
    reason: UnreadReason


class Png(_Exact):
    """An image as PNG."""

    png: str = Base64


class Jpeg(_Exact):
    """An image as JPEG."""

    jpeg: str = Base64


class Glyph(Png):
    """A digit as the network sees it, 28 x 28, white on black. The last of its probabilities is that of a non-digit."""

    probabilities: list[float] = Field(min_length=11, max_length=11)
    box: list[int] = Field(min_length=4, max_length=4)


class StepsSchema(_Exact):
    """The steps between a picture and its reading, with `steps=1`. `picture` is only there with `picture=1`."""

    size: list[int] = Field(
        min_length=2, max_length=2, description="width and height of the upright picture, or of its `region`"
    )
    corner: list[int] = Field(
        min_length=2, max_length=2, description="left and top edge of the `region` in the upright picture; 0, 0 without"
    )
    ink: Png
    glyphs: list[Glyph]
    picture: Jpeg | None = None


class ReadingSchema(_Exact):
    """The reading of a picture. `confidence` is the probability that the whole text is right."""

    picture: str
    page: int = Field(ge=1, description="which page of the picture was read")
    text: str
    lines: list[str]
    confidence: float | None = Probability
    refused: Refused | None
    numbers: list[NumberSchema]
    digits: list[DigitSchema]
    signs: list[SignSchema]
    unread: list[UnreadSchema] = Field(description="what was seen and is not in the text")
    pages: int | None = Field(None, ge=1, description="how many pages the file has; only there with `page`")
    tables: list[TableSchema]
    steps: StepsSchema | None = None


class Error(_Exact):
    """Why a picture could not be read."""

    code: str
    message: str


class Failure(_Exact):
    """The item in a list for a picture that could not be read."""

    picture: str
    error: Error


class Health(_Exact):
    """The version, whether digits can be taught, how many tables are reviewed, and the limits of each worker."""

    status: Literal["ok"]
    version: str
    teaching: bool
    reviews: int
    limits: dict[str, float]


class ProblemDetails(_Exact):
    """A failure: a stable code for programs, and a sentence for people (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class LessonSchema(Png):
    """A taught digit and its glyph as PNG, 28 x 28, white on black. `instead_of` is the label it had before."""

    id: int
    label: int = Field(ge=0, le=9)
    picture: str
    box: list[int] | None = Field(min_length=4, max_length=4)
    taught: str = Field(description="when, ISO 8601 in UTC")
    instead_of: int | None = Field(ge=0, le=9)


class NewLesson(LessonSchema):
    """A newly taught digit, and the lessons that look nearly the same but have another label."""

    contradicted: list[LessonSchema]


class Taught(_Exact):
    """The digits taught from a picture, and how the picture is read now."""

    taught: list[NewLesson]
    reading: ReadingSchema


class Lessons(_Exact):
    """Lessons, the newest first. `count` is the number of all lessons."""

    profile: str
    count: int
    taught: list[LessonSchema]


class Forgotten(_Exact):
    """How many lessons were deleted."""

    forgotten: int


Map = list[list[float]]
Place = list[int]


class EvidenceSchema(_Exact):
    """How far the log odds of the answer fall, in nats, when ink is erased at a pixel, and when ink is added."""

    ink: Map
    paper: Map


class ChangeSchema(_Exact):
    """A few dots of ink, each with row and column, after which the runner-up is read, and the changed glyph."""

    words: str
    added: list[Place]
    erased: list[Place]
    probability: float = Probability
    glyph: Map


class LayerSchema(_Exact):
    """The output of a layer for the glyph.

    `png` shows its maps from top to bottom, the largest response first, or its numbers in a row. Black is 0, and white
    is the largest value of the layer. Up to 11 numbers are in `values` instead.
    """

    kind: str
    window: list[int]
    shape: list[int]
    largest: list[int] | None = Field(None, description="numbers of the maps, the largest response first")
    png: str | None = Field(None, description="base64")
    values: list[float] | None = None


class ExplanationSchema(_Exact):
    """Why a digit is read the way it is, by the network alone. `read_as` takes taught digits into account."""

    picture: str
    digit: int
    of: int
    answer: str
    read_as: str
    probability: float = Probability
    runner_up: str
    runner_up_probability: float = Probability
    probabilities: list[float] = Field(min_length=11, max_length=11)
    glyph: Map
    evidence: EvidenceSchema
    change: ChangeSchema | None
    layers: list[LayerSchema]
