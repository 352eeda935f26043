"""What is raised where a caller asked for it: moving files, never logging."""

# Not now, but perhaps later. 0: there was no answer.
LATER = (0, 408, 425, 429, 500, 502, 503, 504, 507)
TO_SET = {
    401: "set RUNVANE_TOKEN to one of its tokens",
    403: "set RUNVANE_TOKEN to one that may do this",
    421: "set RUNVANE_URL to a name that it answers to",
}


class TransferError(Exception):
    """A file could not be moved: `status` is HTTP's, 0 without an answer; `code` the server's."""

    def __init__(self, words: str, status: int = 0, code: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.code = code

    @property
    def passing(self) -> bool:
        """Whether the same may succeed later."""
        return self.status in (*LATER, *TO_SET) or self.code in ("UNKNOWN_RUN", "GAP")
