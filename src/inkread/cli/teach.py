"""`inkread teach`: stores corrected digits and uses them from then on."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inkread.cli.read_fast import REGION_HELP, check_names
from inkread.errors import OptionError, PictureError
from inkread.options import Content, ReadOptions, parse_region
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
            help="The digits that are written, in reading order, and the pictures that show them.",
            show_default=False,
        ),
    ] = None,
    as_: Annotated[
        Content,
        typer.Option("--as", help="What a picture contains, as for 'inkread read'. Use the same value for reading."),
    ] = "auto",
    region: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help=REGION_HELP)] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the taught digits, oldest first.")] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|all", help="Delete the taught digit with this number in --list. May be repeated."),
    ] = None,
    export_: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Write the taught digits to a new folder: pictures in folders 0 to 9, and taught.json.",
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import",
            metavar="DIR|ZIP",
            help="Teach the digits of an --export, of a zip file from the page, or of folders 0 to 9 with one digit "
            "per picture.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Do not ask before teaching a digit that the network is sure is another one."),
    ] = False,
    profile: Annotated[str, typer.Option(metavar="NAME", help="Whose handwriting it is. Profiles are separate.")] = (
        DEFAULT_PROFILE
    ),
    model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The model that finds the digits, as for 'inkread read'.")
    ] = None,
    format_: Annotated[
        Literal["text", "json"],
        typer.Option("--format", help="'json' prints one object per digit, each on its own line."),
    ] = "text",
) -> int:
    """Teach inkread your handwriting: the corrected digit, and digits that look like it, are read right from then on.

    Nothing is retrained. A taught digit takes effect at once, in every reading with the same profile. Taught digits
    are stored in one file in your data folder, or in the folder that INKREAD_HOME names. If the network is sure that
    a picture shows another digit, 'teach' asks first.

    Examples:

        inkread teach 7 seven.jpg

        inkread teach 1234 number.jpg --profile anna

        inkread teach --list

        inkread teach --forget 12
    """
    taught, words = Profile(profile), label_and_pictures or []
    options = ReadOptions(as_, region=parse_region(region))
    _check_one_action(words, list_, forget, export_, import_)
    say = _JsonWords() if format_ == "json" else _TextWords()
    if list_ or forget or export_ is not None:
        taught.check_taught()
    if list_:
        lessons = taught.lessons()
        if not lessons:
            _warn("nothing has been taught yet; start with: inkread teach LABEL PICTURE...")
        return say.lessons(lessons)
    if forget:
        return say.count(taught.forget(None if forget == ["all"] else [_id(word) for word in forget]), "forgotten")
    if export_ is not None:
        return _export(taught, export_, say)
    from inkread.reader import Reader

    reader = Reader(model, profile=taught)
    if import_ is not None:
        return _import(reader, import_, say)
    check_names(words[1:])
    return _teach(reader, words[0], words[1:], options, say, yes=yes, debug=context.obj["debug"])


def _check_one_action(words: list[str], *others: object) -> None:
    asked = [bool(words), *(bool(other) for other in others)]
    if sum(asked) != 1:
        raise OptionError(
            "teach takes a label and pictures, or one of --list, --forget, --export and --import; "
            "see 'inkread teach --help'"
        )
    if len(words) == 1:
        raise OptionError(f"teach {words[0]}: name the pictures too: inkread teach LABEL PICTURE...")


def _id(word: str) -> int:
    if not word.isdecimal():
        raise OptionError(f"--forget {word}: give a number from 'inkread teach --list', or only 'all'")
    return int(word)


def _teach(
    reader: Reader,
    label: str,
    pictures: list[str],
    options: ReadOptions,
    say: _TextWords,
    *,
    yes: bool,
    debug: bool,
) -> int:
    """Teach each picture and return the exit code. Warn about one that cannot be taught, and go on with the others."""
    from inkread.teaching.lessons import digits_of, lessons_of

    wanted, code = "".join(map(str, digits_of(label))), 0
    for picture in pictures:
        try:
            lessons = lessons_of(reader.run(picture, options), label)
            if not yes:
                _check_meant(reader, lessons)
            taught = reader.teach_lessons(lessons)
        except (PictureError, OptionError) as error:
            code = max(code, error.exit_code)
            if debug:
                traceback.print_exception(error)
            _warn(error.message)
            continue
        say.taught(taught)
        _warn_of_contradicted(reader, taught)
        reading = reader.run(picture, options).reading
        if "".join(reading.text.split()) != wanted:
            read = reading.refused.message if reading.refused else f"read as {reading.text}".replace("\n", "|")
            _warn(f"{picture}: taught, but still not read as {wanted} ({read}); try --as to say what it contains")
    return code


def _check_meant(reader: Reader, lessons: list[Lesson]) -> None:
    """Ask whether lessons are meant if the network is sure of other digits.

    Raises `PictureError` if they are not, and `OptionError` if nobody can be asked.
    """
    from inkread.style import percent

    for lesson, digit, sure in reader.classifier.sure_of_another(lessons):
        what = "a digit" if len(lessons) > 1 else "this"
        doubt = f"{lesson.picture}: the network is {percent(sure)} sure that {what} is {digit}, not {lesson.label}"
        if sys.stdin is None or not sys.stdin.isatty():
            raise OptionError(f"{doubt}; nothing was taught from it; to teach it all the same, add --yes")
        print(_printable(f"{doubt}; teach it all the same? [y/N] "), end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise PictureError(f"{lesson.picture}: nothing was taught from it", code="other-digits")


def _export(profile: Profile, folder: Path, say: _TextWords) -> int:
    from inkread.teaching.exchange import export

    lessons = profile.lessons()
    export(lessons, folder)
    return say.count(len(lessons), "exported")


def _import(reader: Reader, folder: Path, say: _TextWords) -> int:
    """Teach all pictures of a folder at once. Warn about those that cannot be taught."""
    from inkread.teaching.exchange import import_lessons

    found = list(import_lessons(folder, reader))
    errors = [error for error in found if isinstance(error, PictureError)]
    lessons = reader.teach_lessons(lesson for lesson in found if not isinstance(lesson, PictureError))
    for error in errors:
        _warn(error.message)
    _warn_of_replaced(lessons)
    say.count(len({lesson.id for lesson in lessons}), "taught")
    return 1 if errors else 0


def _warn(message: str) -> None:
    print(f"inkread: {_printable(message)}", file=sys.stderr)


def _printable(text: str) -> str:
    """Return text with control characters escaped. Imported names may contain them."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _warn_of_replaced(lessons: Iterable[Lesson]) -> None:
    """Warn if a digit had another label before, since one of the two was wrong."""
    for lesson in lessons:
        if lesson.instead_of is not None:
            _warn(
                f"{lesson.picture}: this digit was taught as {lesson.instead_of} before; its label is now "
                f"{lesson.label}"
            )


def _warn_of_contradicted(reader: Reader, lessons: Iterable[Lesson]) -> None:
    """Warn if a digit that looks nearly the same has another label. Both are kept, and one may be wrong."""
    for lesson in lessons:
        for other in reader.classifier.contradicted(lesson):
            _warn(
                f"{lesson.picture}: taught as {lesson.label}, but number {other.id} ({other.picture}) looks nearly the "
                f"same and is taught as {other.label}; if that is wrong, run: inkread teach --forget {other.id}"
            )


_IN_WORDS = {"forgotten": "deleted"}
"""The word for people where it differs from the JSON key."""


class _TextWords:
    """Prints the results as text."""

    def taught(self, lessons: tuple[Lesson, ...]) -> None:
        """Report the lessons of one picture."""
        _warn_of_replaced(lessons)
        label, ids = "".join(str(lesson.label) for lesson in lessons), ", ".join(str(lesson.id) for lesson in lessons)
        print(_printable(f"{lessons[0].picture}: taught {label} (number {ids})"), flush=True)

    def lessons(self, lessons: list[Lesson]) -> int:
        """List lessons: number, label, date, picture and box."""
        for lesson in lessons:
            place = lesson.picture + (f" at {','.join(map(str, lesson.box))}" if lesson.box else "")
            print(_printable(f"{lesson.id:5}  {lesson.label}  {lesson.taught[:16].replace('T', ' ')}  {place}"))
        return 0

    def count(self, number: int, done: str) -> int:
        """Print how many digits were taught, deleted or exported."""
        print(f"{number} digit{'s' * (number != 1)} {_IN_WORDS.get(done, done)}")
        return 0


class _JsonWords(_TextWords):
    """Prints a JSON object for each lesson, or one with a count."""

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
