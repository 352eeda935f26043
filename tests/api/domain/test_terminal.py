"""What a line looks like when all of it was written, as a terminal would show it."""

import random

import pytest

from api.domain.terminal import shown


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("plain", "plain"),
        ("of Windows\r", "of Windows"),
        (" 10%\r 50%\r100%", "100%"),
        ("a longer one\rshort", "shortger one"),
        ("a longer one\rshort\x1b[K", "short"),
        ("old\r\x1b[2Knew", "new"),
        ("old text\r\x1b[0Knew", "new"),
        ("abc\x1b[1K\rx", "x  "),
        ("1/3\b\b\b2/3\b\b\b3/3", "3/3"),
        ("\b\bx", "x"),
        ("\x1b[31mred\x1b[0m!\rb", "bed\x1b[0m!"),
        ("é\rü", "ü"),
        ("a\rb\rc\r", "c"),
        ("", ""),
        ("\r\r", ""),
    ],
)
def test_a_line_is_what_was_drawn_last(written: str, seen: str) -> None:
    assert shown(written) == seen


def test_the_short_way_is_the_long_one() -> None:
    """Without escapes states are laid over each other; an erasure of nothing asks for cells."""
    dice = random.Random(1)
    for _ in range(300):
        line = "".join(dice.choices("abc\r", k=dice.randint(0, 30)))
        assert shown(line).rstrip() == shown(f"{line}\x1b[m\b").replace("\x1b[m", "").rstrip()


def test_what_redraws_without_end_takes_no_longer_than_its_length() -> None:
    assert len(shown("x" * 8192 + "\r" * 8192)) == 8192
    assert shown("\r".join("y" * n for n in range(150))) == "y" * 149
    assert shown("\x1b[" * 8000) == "\x1b[" * 8000
