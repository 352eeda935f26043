"""
How long the head of a request may be: httptools itself has no bound, and takes a long one
in by copying all of it for each piece that comes, so that 64 MB would cost seconds.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
TOO_LONG = f"the address and the headers of a request have at most {HEAD_BYTES_MAX} bytes"


class Requests(HttpToolsProtocol):
    """Refuses a head that is too long; what came with its first byte, 256 KB at most, is free."""

    _in_head = False
    _came = 0

    def data_received(self, data: bytes) -> None:
        began = self._in_head
        super().data_received(data)
        self._came = self._came + len(data) if began and self._in_head else 0
        if self._came > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(TOO_LONG)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
