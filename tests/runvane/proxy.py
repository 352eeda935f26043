"""Between a script and a server: counts what is asked, and loses an answer where it is told to."""

import http.client
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.flows.server import Server

PASSED_ON = ("authorization", "content-type")


class Proxy:
    """`lose`: of the next request whose body holds this, the answer does not come back."""

    def __init__(self, server: Server) -> None:
        self.port = server.port
        self.asked: list[str] = []
        self.lose = b""
        self.url = ""


@contextmanager
def standing_before(server: Server) -> Generator[Proxy]:
    proxy = Proxy(server)
    kind = type("Passing", (Handler,), {"proxy": proxy})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as passing:
        proxy.url = f"http://127.0.0.1:{passing.server_address[1]}"
        thread = threading.Thread(target=passing.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield proxy
        finally:
            passing.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.proxy.asked.append(f"{self.command} {self.path}")
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port)
        headers = {key: self.headers[key] for key in PASSED_ON if key in self.headers}
        connection.request(self.command, self.path, body, headers)
        reply = connection.getresponse()
        said = reply.read()
        connection.close()
        if self.proxy.lose and self.proxy.lose in body:
            self.proxy.lose = b""
            return
        self.send_response(reply.status)
        self.send_header("content-type", reply.headers["content-type"])
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_PATCH = do_POST  # noqa: N815 - the names of the class above

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """It says nothing."""
