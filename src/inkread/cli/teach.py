"""`inkread teach`: corrected digits, kept and used from then on."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inkread.errors import OptionError, PictureError
from inkread.options import Content
from inkread.teaching.profiles import DEFAULT_PROFILE, Profile

if TYPE_CHECKING:
    from inkread.reader import Reader
    from inkread.teaching.lessons import Lesson


def teach(
    context: typer.Context,
    label_and_pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LABEL PICTURE...",
            help="What is written, digit by digit in reading order, and the pictures on which it is written.",
            show_default=False,
        ),
    ] = None,
    as_: Annotated[
        Content, typer.Option("--as", help="What a picture holds, as for 'inkread read'; teach it as it will be read.")
    ] = "auto",
    list_: Annotated[bool, typer.Option("--list", help="List what was taught, oldest first.")] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|all", help="Forget what was taught under this number of the list; may be repeated."),
    ] = None,
    export_: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Write what was taught to a new folder: pictures in folders 0 to 9, and taught.json.",
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar="DIR|ZIP",
            help="Teach what --export wrote, or the zip of the page, or pictures of one digit each in folders 0 to 9.",
        ),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help="Whose hand it is; each name is kept apart.")] = (
        DEFAULT_PROFILE
    ),
    model: Annotated[Path | None, typer.Option(help="The model that finds the digits; as for 'inkread read'.")] = None,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", help="'json' prints an object a digit and line.")
    ] = "text",
) -> int:
    """Teach your own hand: what was read wrong is right from then on, and so is what looks like it.

    Nothing is trained anew; it counts at once, in every reading with the same profile. It is kept in one file in your
    data folder, or in the folder that INKREAD_HOME names.

    Examples:

        inkread teach 7 seven.jpg

        inkread teach 1234 number.jpg --profile anna

        inkread teach --list

        inkread teach --forget 12
    """
    own, words = Profile(profile), label_and_pictures or []
    _check_one_asked(words, list_, forget, export_, import_)
    say = _JsonWords() if format_ == "json" else _TextWords()
    if list_ or forget or export_ is not None:
        own.check_taught()  # another name may be misspelt
    if list_:
        lessons = own.lessons()
        if not lessons:
            _warn("nothing was taught yet: inkread teach LABEL PICTURE...")
        return say.lessons(lessons)
    if forget:
        return say.count(own.forget(None if forget == ["all"] else [_id(word) for word in forget]), "forgotten")
    if export_ is not None:
        return _export(own, export_, say)
    from inkread.reader import Reader

    reader = Reader(model, profile=own)
    if import_ is not None:
        return _import(reader, import_, say)
    return _teach(reader, words[0], words[1:], as_, say, debug=context.obj["debug"])


def _check_one_asked(words: list[str], *others: object) -> None:
    asked = [bool(words), *(bool(other) for other in others)]
    if sum(asked) != 1:
        raise OptionError(
            "teach takes a label and pictures, or one of --list, --forget, --export and --import; "
            "see 'inkread teach --help'"
        )
    if len(words) == 1:
        raise OptionError(f"teach {words[0]}: name the pictures, too: inkread teach LABEL PICTURE...")


def _id(word: str) -> int:
    if not word.isdecimal():
        raise OptionError(f"--forget {word}: name a number out of 'inkread teach --list', or all alone")
    return int(word)


def _teach(reader: Reader, label: str, pictures: list[str], as_: Content, say: _TextWords, *, debug: bool) -> int:
    """Teach each picture; one that cannot be taught is said, and the others are taught all the same."""
    from inkread.teaching.lessons import digits_of

    wanted, failed = "".join(map(str, digits_of(label))), False
    for picture in pictures:
        try:
            lessons = reader.teach(label, picture, as_=as_)
        except PictureError as error:
            failed = True
            if debug:
                traceback.print_exception(error)
            _warn(error.message)
            continue
        say.taught(lessons)
        _warn_of_contradicted(reader, lessons)
        reading = reader.read(picture, as_=as_)
        if "".join(reading.text.split()) != wanted:
            read = reading.refused.message if reading.refused else f"read as {reading.text}".replace("\n", "|")
            _warn(f"{picture}: taught, but as a whole it is not read right yet ({read}); say what it holds with --as")
    return 1 if failed else 0


def _export(profile: Profile, folder: Path, say: _TextWords) -> int:
    from inkread.teaching.exchange import export

    lessons = profile.lessons()
    export(lessons, folder)
    return say.count(len(lessons), "exported")


def _import(reader: Reader, folder: Path, say: _TextWords) -> int:
    """Teach all of a folder at once; the pictures that cannot be taught are said."""
    from inkread.teaching.exchange import imported

    found = list(imported(folder, reader))
    errors = [error for error in found if isinstance(error, PictureError)]
    lessons = reader.teach_lessons(lesson for lesson in found if not isinstance(lesson, PictureError))
    for error in errors:
        _warn(error.message)
    _warn_of_replaced(lessons)
    say.count(len({lesson.id for lesson in lessons}), "taught")
    return 1 if errors else 0


def _warn(message: str) -> None:
    print(f"inkread: {_shown(message)}", file=sys.stderr)


def _shown(text: str) -> str:
    """Return text with what would steer a terminal made visible: names that are imported may hold it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _warn_of_replaced(lessons: Iterable[Lesson]) -> None:
    """Say where a digit had another label before: one of the two was wrong."""
    for lesson in lessons:
        if lesson.instead_of is not None:
            _warn(
                f"{lesson.picture}: the same digit was taught as {lesson.instead_of} before; now it is {lesson.label}, "
                f"and the other is forgotten"
            )


def _warn_of_contradicted(reader: Reader, lessons: Iterable[Lesson]) -> None:
    """Say where a digit that looks nearly the same was taught as another: both stand, and one may be wrong."""
    for lesson in lessons:
        for other in reader.classifier.contradicted(lesson):
            _warn(
                f"{lesson.picture}: taught as {lesson.label}, while number {other.id} ({other.picture}), which looks "
                f"nearly the same, is taught as {other.label}; if that is wrong: inkread teach --forget {other.id}"
            )


class _TextWords:
    """Prints what was done in words."""

    def taught(self, lessons: tuple[Lesson, ...]) -> None:
        """Report the lessons of one picture."""
        _warn_of_replaced(lessons)
        label, ids = "".join(str(lesson.label) for lesson in lessons), ", ".join(str(lesson.id) for lesson in lessons)
        print(_shown(f"{lessons[0].picture}: taught {label} (number {ids})"), flush=True)

    def lessons(self, lessons: list[Lesson]) -> int:
        """List lessons: number, label, date, and where the digit stands."""
        for lesson in lessons:
            place = lesson.picture + (f" at {','.join(map(str, lesson.box))}" if lesson.box else "")
            print(_shown(f"{lesson.id:5}  {lesson.label}  {lesson.taught[:16].replace('T', ' ')}  {place}"))
        return 0

    def count(self, number: int, done: str) -> int:
        """Say how many digits something was done to."""
        print(f"{number} digit{'s' * (number != 1)} {done}")
        return 0


class _JsonWords(_TextWords):
    """Prints an object for each lesson, or with a count."""

    def taught(self, lessons: tuple[Lesson, ...]) -> None:
        _warn_of_replaced(lessons)
        self.lessons(list(lessons))

    def lessons(self, lessons: list[Lesson]) -> int:
        for lesson in lessons:
            print(json.dumps(lesson.to_dict(), ensure_ascii=False), flush=True)
        return 0

    def count(self, number: int, done: str) -> int:
        print(json.dumps({done: number}))
        return 0
