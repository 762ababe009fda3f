"""The end of an answer whose caller has lost the right to it, as the client sees it.

What has not begun is refused with a status of its own. A stream of events gets a last one that says why. Any other body
is broken off, before the length that was announced or the last chunk, as its end would say that it is whole. HTTP has
no word for why; the log has.
"""

from __future__ import annotations

import logging

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from galerne.api.errors import report, respond
from galerne.api.request_id import current_request_id
from galerne.errors import GalerneError

logger = logging.getLogger(__name__)


class Ending:
    """Follows the messages of one response, so that it can be ended at any of them."""

    def __init__(self) -> None:
        self._begun = False
        self._whole = False
        self._streams = False
        self._named: bool | None = None  # whether its events have names; None: there was none yet

    def follow(self, message: Message) -> None:
        """This is sent to the client."""
        if message["type"] == "http.response.start":
            self._begun = True
            self._streams = Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
        elif message["type"] == "http.response.body":
            self._whole = not message.get("more_body", False)
            if self._named is None and (body := message.get("body", b"")):
                self._named = not body.startswith(b"data:")

    async def end(self, failure: GalerneError, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing more comes from the application."""
        if not self._begun:
            await respond(failure)(scope, receive, send)
        elif self._streams and not self._whole:
            await send({"type": "http.response.body", "body": self._last_event(failure)})
        elif not self._whole:
            logger.warning("a body was broken off: %s", failure, extra={"request_id": current_request_id()})

    def _last_event(self, failure: GalerneError) -> bytes:
        """What both official clients read as a failure."""
        data = f"data: {report(failure).model_dump_json()}\n\n"
        return (f"event: error\n{data}" if self._named else f"{data}data: [DONE]\n\n").encode()
