"""A connection that breaks: what goes through is counted, and cut at chosen places."""

import socket
import struct
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

PIECE_BYTES = 65536
# Ends with a reset and not with a good-bye.
RESET = struct.pack("ii", 1, 0)


class Cuts:
    """Between clients and a server; `places` are in bytes of all that went either way."""

    def __init__(self, port: int, places: Sequence[int]) -> None:
        self._target = port
        self._places = sorted(places)
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.bytes = self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, places: Sequence[int]) -> None:
        """From now on there, counted from here."""
        with self._lock:
            self._places = sorted(self.bytes + place for place in places)

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for ends in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                target.sendall(piece)
                if self._is_cut(len(piece)):
                    for each in (source, target):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    break
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _is_cut(self, count: int) -> bool:
        with self._lock:
            self.bytes += count
            if self._places and self.bytes >= self._places[0]:
                self._places.pop(0)
                self.cuts += 1
                return True
        return False


@contextmanager
def cutting(port: int) -> Generator[Cuts]:
    cuts = Cuts(port, ())
    try:
        yield cuts
    finally:
        cuts.close()
