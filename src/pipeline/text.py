"""Shows text that came from outside (tables, parameters, Git, other programs) so that all of it can be seen.

A terminal obeys control characters, a page reorders what stands behind a bidirectional one, and two names that differ
in an invisible one look alike. Standard library only: the comment, which may write, uses this too.
"""

import html
import re
import unicodedata

MARKS = 4  # combining marks on one letter: Hebrew with all its accents has so many
_HIDDEN = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
# What those categories miss of Unicode's Default_Ignorable_Code_Point: fillers, joiners, selectors, drawn as nothing.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0e\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_COLOURED = "\ufe0f"  # behind a sign it asks for its coloured form, as in this project's own warning sign


def shown(text: object, lines: bool = False) -> str:
    r"""`text` with what cannot be seen as its Python escape (`\x1b`, `\u202e`) and with few marks on each letter.

    With `lines`, line breaks and tabs stay. Shown twice is shown once. Takes time linear in the length.
    """
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    characters = set(text) - ({"\n", "\t"} if lines else set())
    hidden = [c for c in characters if unicodedata.category(c) in _HIDDEN or _INVISIBLE.match(c)]
    text = text.translate({ord(c): _escape(c) for c in hidden})
    if _COLOURED in characters:
        signs = "".join(sorted(c for c in characters if unicodedata.category(c) == "So"))
        text = re.sub(f"(?<![{signs}]){_COLOURED}" if signs else _COLOURED, lambda _: _escape(_COLOURED), text)
    marks = "".join(sorted(c for c in characters if unicodedata.category(c) in ("Mn", "Me") and c != _COLOURED))
    return re.sub(f"([{marks}]{{{MARKS}}})[{marks}]+", r"\1…", text) if marks else text


def markdown(text: object) -> str:
    """`text` as itself on one line of Markdown: no formatting, no HTML, no link, no new cell of a table."""
    line = html.escape(shown(" ".join(re.split(r"[ \t\r\n]+", str(text).strip(" \t\r\n")))), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|~!$])", r"\\\1", line)


def count(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`, `3 classes`, `2 categories`."""
    if number == 1:
        return f"1 {noun}"
    *before, last = noun.split(" ")
    if last.endswith(("s", "x", "ch")):
        last += "es"
    else:
        last = f"{last[:-1]}ies" if re.search("[^aeiou]y$", last) else f"{last}s"
    return f"{number:,} {' '.join([*before, last])}"


def have(number: int) -> str:
    """The verb behind a count: 1 row has, 2 rows have."""
    return "has" if number == 1 else "have"


def are(number: int) -> str:
    """The verb behind a count: 1 row is, 2 rows are."""
    return "is" if number == 1 else "are"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
