"""
How much of a request is taken in, which httptools and uvicorn leave open.

A long head is taken in by copying all of it for each piece that comes: 64 MB would cost
seconds. What still comes of a body when the answer is there is read and thrown away, so that
whoever sends reads the answer and no broken connection; that too has an end.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
# Twice the largest batch.
UNREAD_BYTES_MAX = 16 * 1024 * 1024
TOO_LONG = f"the address and the headers of a request have at most {HEAD_BYTES_MAX} bytes"


class Requests(HttpToolsProtocol):
    """Refuses a head that is too long; what came with its first byte, 256 KB at most, is free."""

    _in_head = False
    _came = 0
    _unread = 0

    def data_received(self, data: bytes) -> None:
        began = self._in_head
        super().data_received(data)
        self._came = self._came + len(data) if began and self._in_head else 0
        if self._came > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(TOO_LONG)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._unread = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self.cycle and self.cycle.response_complete:
            self._unread += len(body)
            if self._unread > UNREAD_BYTES_MAX:
                self.transport.close()
