"""Pages and chart data travel compressed; static files are compressed once, at the start."""

import gzip

from flask import Flask, Response, request

LEAST_BYTES = 1024
LEVEL = 5
KINDS = frozenset({"text/html", "application/json"})


def compress(app: Flask) -> None:
    """Gzip what ``app`` answers to a GET, where the browser takes it and it pays.

    Answers to a POST stay plain: one of them shows a join Secret beside a name that the sender
    chose, and compressing the two together would let lengths tell about the Secret.
    """

    def pack(response: Response) -> Response:
        if _pays(response) and request.accept_encodings.quality("gzip") > 0:
            response.set_data(gzip.compress(response.get_data(), LEVEL, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
            response.vary.add("Accept-Encoding")
        return response

    app.after_request(pack)


def _pays(response: Response) -> bool:
    return (
        request.method == "GET"
        and not response.is_streamed
        and not response.direct_passthrough
        and response.status_code != 304
        and response.mimetype in KINDS
        and "Content-Encoding" not in response.headers
        and (response.content_length or 0) >= LEAST_BYTES
    )
