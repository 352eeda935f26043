"""What the SDK says to the person at the script: on stderr, and each thing once."""

import sys

# What a process leaves behind for another one is said once, whatever it is.
LEFT = "left"
_said: set[str] = set()


def say(text: str) -> None:
    """A script without stderr, or with a closed one, goes on; its log does not hold these words."""
    try:
        write = sys.stderr.write
        getattr(write, "unheard", write)(f"runvane: {text}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass


def say_once(text: str, *, topic: str = "") -> None:
    if (topic or text) not in _said:
        _said.add(topic or text)
        say(text)
