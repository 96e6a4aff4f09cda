"""The endpoint that explains a digit: the pixels that decide, the smallest change, and the maps of every layer."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from inkread.explaining import Layer, explain
from inkread.glyphs import CLASSES
from inkread.options import ReadOptions, parse_region
from inkread.web.problems import as_problems
from inkread.web.service import ContentQuery, PictureName, PrintQuery, RegionQuery, Service, png
from inkread.web.uploads import Upload


class Explaining:
    """Explains the answers of a service's reader, by its network alone."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def explain(
        self,
        request: Request,
        digit: Annotated[
            int | None,
            Query(
                ge=1,
                le=100_000,
                description="Which digit to explain, counted from 1 in reading order. Default: the one with the lowest "
                "confidence.",
            ),
        ] = None,
        as_: ContentQuery = "auto",
        print_: PrintQuery = "auto",
        region: RegionQuery = None,
        x_picture_name: PictureName = "",
    ) -> Response:
        """Explain why a digit of a picture is read the way it is.

        The answer has the keys that `inkread explain --format json` prints, and more. It explains the network alone.
        `read_as` is the answer with taught digits taken into account.
        """
        options = ReadOptions(as_, print_=print_, region=parse_region(region))

        def work(upload: Upload) -> dict[str, Any]:
            with as_problems():
                return self._explain(upload, options, digit)

        return await self.service.answer_about(request, x_picture_name, "explained", work)

    def _explain(self, upload: Upload, options: ReadOptions, digit: int | None) -> dict[str, Any]:
        reader = self.service.reader
        explanation = explain(reader.run(upload.file(), options), reader.classifier.network, digit=digit)
        told = explanation.to_dict()
        told["layers"] = [_describe_layer(layer) for layer in explanation.layers]
        if change := explanation.change:
            glyph = np.round(change.glyph.astype(np.float64), 3).tolist()
            told["change"] |= {"words": change.words, "glyph": glyph}
        return told


def _describe_layer(layer: Layer) -> dict[str, Any]:
    """Return the JSON object of a layer: its maps from top to bottom, the largest response first, or its numbers."""
    told: dict[str, Any] = {"kind": layer.kind, "window": list(layer.window), "shape": list(layer.values.shape)}
    if not layer.has_maps and len(layer.values) <= CLASSES + 1:
        return {**told, "values": np.round(layer.values.astype(np.float64), 4).tolist()}
    response = np.maximum(layer.values, 0)
    response = np.asarray(response / max(float(response.max()), 1e-6), np.float32)
    if layer.has_maps:
        return {**told, "largest": layer.order.tolist(), "png": png(np.vstack(list(response[layer.order])))}
    return {**told, "png": png(response[None])}
