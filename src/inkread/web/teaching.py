"""The endpoints for taught digits: teach a digit, list the lessons, delete one, export all of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from inkread.errors import OptionError
from inkread.geometry import Box
from inkread.options import ReadOptions, parse_boxes, parse_region
from inkread.steps import Steps
from inkread.teaching.exchange import export_files
from inkread.teaching.lessons import Lesson, as_floats, digits_of, lessons_of
from inkread.teaching.profiles import Profile
from inkread.web.middleware import foreign_page, has_foreign_origin
from inkread.web.problems import Problem, as_problems
from inkread.web.service import (
    BoxesQuery,
    ContentQuery,
    OnePageQuery,
    PictureName,
    PicturePassword,
    PrintQuery,
    Question,
    RegionQuery,
    Service,
    encode,
    json_answer,
    password_of,
    png,
)
from inkread.web.uploads import Upload

Result = TypeVar("Result")

LARGEST_ID = 2**63 - 1

_OFF = "Teaching is off on this server. It can be switched on with 'inkread web --teach'."

LessonId = Annotated[int, Path(alias="id", ge=1, le=LARGEST_ID, description="The id of the lesson.", examples=[12])]


class Teaching:
    """Teaches the reader of a service, if that is allowed."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def teach(
        self,
        request: Request,
        label: Annotated[
            str,
            Query(
                pattern="^[0-9 |]*[0-9][0-9 |]*$",
                max_length=2000,
                description="The digits on the picture in reading order.",
                examples=["7"],
            ),
        ],
        box: Annotated[
            str | None,
            Query(
                pattern="^[0-9]{1,6}(,[0-9]{1,6}){3}$",
                description="The box of the one digit to teach: x, y, width and height, as in a reading. Without it, "
                "the label is that of the whole picture.",
                examples=["193,237,213,306"],
            ),
        ] = None,
        as_: ContentQuery = "auto",
        print_: PrintQuery = "auto",
        region: RegionQuery = None,
        boxes: BoxesQuery = None,
        page: OnePageQuery = 1,
        x_picture_name: PictureName = "",
        x_picture_password: PicturePassword = "",
    ) -> Response:
        """Teach the digits on a picture. They, and digits that look like them, are read this way from now on.

        The answer has a lesson for each digit, and the reading of the picture now. `instead_of` is the label that the
        same digit had before. `contradicted` lists lessons that look nearly the same but have another label.
        """
        profile = self._profile(request)
        with as_problems():
            options = ReadOptions(as_, print_=print_, region=parse_region(region), boxes=parse_boxes(boxes))
        question = Question(options, page, password_of(x_picture_password))
        place = Box(*map(int, box.split(","))) if box else None

        def work(upload: Upload) -> dict[str, Any]:
            with as_problems():
                self._check_room(profile, label)
                lessons = lessons_of(self._steps(upload, question), label, box=place)
                return self._taught(lessons) | {"reading": self._steps(upload, question).reading.to_dict()}

        return await self.service.answer_about(request, x_picture_name, "taught", work, status=201)

    async def lessons(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500, description="The largest number of lessons.")] = 100,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="List only lessons older than the one with this id.")
        ] = None,
    ) -> Response:
        """List the taught digits, the newest first."""
        profile = self._profile(request)

        def work() -> dict[str, Any]:
            found = _describe_all(profile.lessons(newest=limit, before=before))
            return {"profile": profile.name, "count": profile.count(), "taught": found[::-1]}

        return json_answer(encode(await self._done(work)))

    async def forget(self, request: Request, id_: LessonId) -> Response:
        """Delete a lesson. Its digit is read as if it had never been taught."""
        profile = self._profile(request)

        def work() -> dict[str, Any]:
            try:
                return {"forgotten": profile.forget([id_])}
            except OptionError:
                raise Problem("not-found", f"There is no lesson {id_}. It may have been deleted already.") from None

        return json_answer(encode(await self._done(work)))

    async def export(self, request: Request) -> Response:
        """Export the taught digits as a zip archive of what `inkread teach --export` writes."""
        profile = self._profile(request)
        content = await self._done(lambda: _archive(profile.lessons()))
        return Response(
            content,
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="taught.zip"'},
        )

    def _profile(self, request: Request) -> Profile:
        """Return the profile to teach. Raises `Problem` if teaching is off or another page sent the request."""
        if self.service.taught is None:
            raise Problem("no-teaching", _OFF)
        if has_foreign_origin(request.headers):
            raise foreign_page()
        return self.service.taught

    async def _done(self, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, run in the background queue, since the profile may be locked for a while."""

        def run() -> Result:
            with as_problems():
                return work()

        return await self.service.background.run(run)

    def _check_room(self, profile: Profile, label: str) -> None:
        most = self.service.queue.limits.lessons
        if profile.count() + len(digits_of(label)) > most:
            raise Problem(
                "full",
                f"The limit of {most} taught digits is reached. Delete some, or train a network with them: "
                "'inkread train --own'.",
            )

    def _taught(self, lessons: list[Lesson]) -> dict[str, Any]:
        """Teach lessons, and return their JSON objects."""
        reader = self.service.reader
        kept = reader.teach_lessons(lessons)
        told = [
            {**_describe(lesson), "contradicted": _describe_all(reader.classifier.contradicted(lesson))}
            for lesson in kept
        ]
        return {"taught": told}

    def _steps(self, upload: Upload, question: Question) -> Steps:
        return self.service.reader.run(upload.file(), question.options, page=question.page, password=question.password)


def _describe(lesson: Lesson) -> dict[str, Any]:
    """Return the JSON object of a lesson."""
    return {**lesson.to_dict(), "png": png(as_floats(lesson.glyph))}


def _describe_all(lessons: Iterable[Lesson]) -> list[dict[str, Any]]:
    return [_describe(lesson) for lesson in lessons]


def _archive(lessons: list[Lesson]) -> bytes:
    file = io.BytesIO()
    # The archive is not compressed, since the pictures are.
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in export_files(lessons):
            archive.writestr(name, content)
    return file.getvalue()
