"""The server's process: uvicorn with our application, and the link that signs a person in."""

import os
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from runvane._connection import sign_in_link

_HERE = Path(__file__).parent
# In a wheel the server lies inside this package; in a checkout, beside it.
SERVER_DIR = _HERE / "_server"
START_S_MAX = 60.0


def listen(host: str, port: int) -> socket.socket:
    """Bound before anything is loaded; raise OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def serve(listening: socket.socket, *, root_path: str) -> None:
    # What the server keeps is its owner's alone, on a machine that others share.
    os.umask(0o077)
    # First, so that an `api.py` where the command was given is not taken for ours.
    sys.path.insert(0, str(SERVER_DIR if SERVER_DIR.is_dir() else _HERE.parent))
    server = uvicorn.Server(
        uvicorn.Config(
            "web.app:create_app",
            factory=True,
            log_level="warning",
            access_log=False,
            # A tunnel or a proxy is none of ours to believe.
            proxy_headers=False,
            server_header=False,
            ws_max_size=65536,
            ws_per_message_deflate=False,
            # Without it an open stream keeps a stopping server alive for ever.
            timeout_graceful_shutdown=5,
        )
    )
    name, port = listening.getsockname()[:2]
    url = f"http://{f'[{name}]' if ':' in name else name}:{port}"
    threading.Thread(target=_print_link, args=(server, url, root_path), daemon=True).start()
    server.run(sockets=[listening])


def _print_link(server: uvicorn.Server, url: str, root_path: str) -> None:
    until = time.monotonic() + START_S_MAX
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    link, why = sign_in_link(url, root_path)
    print(f"Runvane: {link or f'{url} ({why})'}", flush=True)
