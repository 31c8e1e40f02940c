"""Text from outside is shown so that all of it can be seen: in a terminal, in Markdown, on the page, on the card."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import MARKS, count, markdown, shown

ANY = st.text(st.characters(codec=None) | st.sampled_from("\x1b\u202e\u200b\ufe0f⚠\u0301\u0489\n\t"), max_size=40)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, with an \\x1b of its own", "plain, with an \\x1b of its own"),
        ("Müller, 中文, עברית, 😀, a\u00a0b, ⚠️", "Müller, 中文, עברית, 😀, a\u00a0b, ⚠️"),
        ("\x1b[31mred\x1b[0m\x07", "\\x1b[31mred\\x1b[0m\\x07"),
        ("\x1b]8;;https://e.vil\x1b\\click\x1b]8;;\x1b\\", "\\x1b]8;;https://e.vil\\x1b\\click\\x1b]8;;\\x1b\\"),
        ("\x9b31m \x7f \r", "\\x9b31m \\x7f \\r"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("a\u200bb\u2060c\ufeffd\u00ade", "a\\u200bb\\u2060c\\ufeffd\\xade"),
        ("\u3164\u115f\u2800\U000e0041\U000e0100", "\\u3164\\u115f\\u2800\\U000e0041\\U000e0100"),
        ("x\ufe0f", "x\\ufe0f"),
        ("\ud800", "\\ud800"),
        ("two\nlines\there\u2028", "two\\nlines\\there\\u2028"),
        (7, "7"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_escape(text: object, seen: str) -> None:
    assert shown(text) == seen


def test_lines_stay_where_they_are_wanted() -> None:
    assert shown("a\n\tb\r\n\x1b", lines=True) == "a\n\tb\\r\n\\x1b"


def test_a_stack_of_marks_is_cut_and_a_written_word_is_not() -> None:
    assert shown("Z" + "\u0301" * 500 + "y") == "Z" + "\u0301" * MARKS + "…y"
    for word in ("Việt", unicodedata.normalize("NFD", "Việt"), "בְּרֵאשִׁ֖ית", "ก็"):
        assert shown(word) == word


@given(ANY, st.booleans())
def test_nothing_hidden_is_left_and_twice_is_once(text: str, lines: bool) -> None:
    seen = shown(text, lines)
    assert shown(seen, lines) == seen
    kept = "\n\t" if lines else ""
    assert [c for c in seen if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and c not in kept] == []
    seen.encode("utf-8")


def test_a_long_text_takes_time_in_proportion() -> None:
    def took(length: int) -> float:
        text = "a\u0301\u202e\ufe0f⚠" * length
        began = time.process_time()
        shown(text)
        return time.process_time() - began

    assert took(200_000) < 20 * took(20_000) + 0.1


def test_markdown_keeps_ordinary_text_readable_and_nothing_acts() -> None:
    assert markdown("balanced accuracy 97.5 % → 98 (x-y)") == "balanced accuracy 97.5 % → 98 (x-y)"
    assert markdown("a |\n <b> [x](y)\u202e") == "a \\| &lt;b&gt; \\[x\\](y)\\\\u202e"


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (0, "row", "0 rows"),
        (2000, "test row", "2,000 test rows"),
        (2, "category", "2 categories"),
        (2, "day", "2 days"),
    ],
)
def test_one_is_one_and_more_are_many(number: int, noun: str, text: str) -> None:
    assert count(number, noun) == text
