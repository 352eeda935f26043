"""The server's process: uvicorn with our application, and the link that signs a person in."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from socket import socket
from types import FrameType

import uvicorn

from runvane import _listening, home
from runvane._connection import sign_in_link
from runvane._requests import Requests

_HERE = Path(__file__).parent
# In a wheel the server lies inside this package; in a checkout, beside it.
SERVER_DIR = _HERE / "_server"
# So long requests may take once we are told to stop; then all of it may, at most.
FINISH_S_MAX = 5
STOP_S_MAX = 9.0
# Told again, nothing is waited for. What was acknowledged is on disk in any case.
STOP_AT_ONCE_S_MAX = 1.0


class Server(uvicorn.Server):
    """Told to stop, it finishes what was begun and ends with code 0; told again, it ends now."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT and not self.should_exit:
            # Raised again afterwards: the caller says how Ctrl-C ends.
            self._captured_signals.append(sig)
        self.force_exit = self.should_exit
        self.should_exit = True
        seconds = STOP_AT_ONCE_S_MAX if self.force_exit else STOP_S_MAX
        last = threading.Timer(seconds, os._exit, (0,))
        last.daemon = True
        last.start()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let streams end, for uvicorn would wait for them, and cut them off."""
        stop: Callable[[], None] = self.lifespan.state.get("stop", _nothing)
        stop()
        await super().shutdown(sockets)


def serve(listening: socket, *, root_path: str, ready: Callable[[], object] | None = None) -> None:
    """Serve until told to stop; `ready` is called when requests are answered, else a link said."""
    # What the server keeps is its owner's alone, on a machine that others share.
    os.umask(0o077)
    find_server()
    # Until the application is there: what is imported leaves nothing to collect.
    gc.disable()
    server = Server(
        uvicorn.Config(
            "web.app:create_app",
            factory=True,
            log_level="warning",
            access_log=False,
            # A tunnel or a proxy is none of ours to believe.
            proxy_headers=False,
            server_header=False,
            http=Requests,
            ws_max_size=65536,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=FINISH_S_MAX,
        )
    )
    # Asked now: a server that has stopped meanwhile has no address.
    url = _listening.url_of(listening)
    said = ready or (lambda: say_link(url, root_path))
    threading.Thread(target=_wait, args=(server, said), daemon=True).start()
    try:
        server.run(sockets=[listening])
    except OSError as error:
        # Where the application is made, the token is read or made too.
        why = error.strerror or str(error)
        sys.exit(
            f"runvane: the state folder {home.folder()} cannot be used ({why}): mend it, or set"
            " another RUNVANE_HOME"
        )


def find_server() -> None:
    """First, so that an `api.py` where the command was given is not taken for ours."""
    sys.path.insert(0, str(SERVER_DIR if SERVER_DIR.is_dir() else _HERE.parent))


def say_link(url: str, root_path: str) -> None:
    link, why = sign_in_link(url, root_path)
    print(f"Runvane: {link or f'{url} ({why})'}", flush=True)


def _wait(server: uvicorn.Server, ready: Callable[[], object]) -> None:
    while not server.started:
        time.sleep(0.02)
    ready()


def _nothing() -> None:
    pass
