"""Reads the YAML that DVC writes, standard library only, and refuses what two readers might read differently.

Mappings and lists in blocks, one level of brackets on one line, and text on one line; no anchors, tags, escapes,
multi-line text or documents. Every scalar stays text: what is asked here are names and paths.
"""

import re
from typing import Any

KEY = r"[A-Za-z0-9_$][\w.$/{}+-]*"
PLAIN = r"[^\s\-?:,\[\]{}#&*!|>'\"%@`](?:[^:#]|:(?=\S)|(?<=\S)#)*"
SCALAR = re.compile(rf"'((?:[^']|'')*)'|\"([^\"\\]*)\"|({PLAIN}|-?\d[\w.:+-]*)")
ENTRY = re.compile(rf"({KEY})\s*:(?:\s+(\S.*))?$")
FORBIDDEN = re.compile("[^ -~\n\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class UnclearError(ValueError):
    """The text is not, for sure, read here as DVC reads it."""


def read(text: str) -> Any:
    """Nested dictionaries, lists and text; None for nothing.

    Raises:
        UnclearError: naming the line.
    """
    if FORBIDDEN.search(text):
        raise UnclearError("tabs, control characters or other line ends")
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip(" ")
        if content and not content.startswith("#"):
            lines.append((number, len(line) - len(line.lstrip(" ")), re.sub(r"\s+#[^'\"]*$", "", content)))
    if not lines:
        return None
    found, left = _block(lines, lines[0][1])
    if left:
        raise UnclearError(f"line {left[0][0]}")
    return found


Lines = list[tuple[int, int, str]]


def _block(lines: Lines, indent: int) -> tuple[Any, Lines]:
    """What stands at `indent`, and the lines behind it."""
    return _list(lines, indent) if re.match(r"-( |$)", lines[0][2]) else _mapping(lines, indent)


def _list(lines: Lines, indent: int) -> tuple[list[Any], Lines]:
    found = []
    while lines and lines[0][1] == indent and re.match(r"-( |$)", lines[0][2]):
        number, _, content = lines[0]
        item = content[1:].lstrip(" ")
        if not item:
            raise UnclearError(f"line {number}")
        inner = indent + len(content) - len(item)
        if ENTRY.match(item) or re.match(r"-( |$)", item):
            value, lines = _block([(number, inner, item), *lines[1:]], inner)
        else:
            value, lines = _flow(item, number), lines[1:]
        found.append(value)
    return found, lines


def _mapping(lines: Lines, indent: int) -> tuple[dict[str, Any], Lines]:
    found: dict[str, Any] = {}
    while lines and lines[0][1] == indent and not re.match(r"-( |$)", lines[0][2]):
        number, _, content = lines[0]
        entry = ENTRY.match(content)
        if not entry or entry[1] in found:
            raise UnclearError(f"line {number}")
        lines = lines[1:]
        if entry[2]:
            value = _flow(entry[2], number)
        elif lines and lines[0][1] > indent and _stands_alone(lines):  # a text that is too long for the key's line
            value, lines = _scalar(lines[0][2], lines[0][0]), lines[1:]
        elif lines and (lines[0][1] > indent or (lines[0][1] == indent and re.match(r"-( |$)", lines[0][2]))):
            value, lines = _block(lines, lines[0][1])
        else:
            value = None
        found[entry[1]] = value
    if lines and lines[0][1] > indent:
        raise UnclearError(f"line {lines[0][0]}")
    return found, lines


def _stands_alone(lines: Lines) -> bool:
    """Whether the first line is no entry of a mapping or list, and nothing stands at its indent or deeper behind it."""
    _, indent, content = lines[0]
    return not ENTRY.match(content) and not re.match(r"-( |$)", content) and (len(lines) < 2 or lines[1][1] < indent)


def _flow(text: str, number: int) -> Any:
    """A scalar, or brackets of one level: [a, b], {a: b}, [{a: {b: c}}] is no such thing but is read by parts."""
    if text[0] not in "[{":
        return _scalar(text, number)
    close = {"[": "]", "{": "}"}[text[0]]
    if not text.endswith(close):
        raise UnclearError(f"line {number}")
    parts = _split(text[1:-1], number)
    if text[0] == "[":
        return [_flow(part, number) for part in parts]
    entries = [re.match(rf"({KEY}): +(\S.*)$", part) for part in parts]
    if not all(entries) or len({entry[1] for entry in entries if entry}) < len(parts):
        raise UnclearError(f"line {number}")
    return {entry[1]: _flow(entry[2], number) for entry in entries if entry}


def _split(text: str, number: int) -> list[str]:
    """The parts between commas that stand in no inner brackets; quotes are not taken apart, so refused with them."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        if sign in "'\"#" or (sign in "[{" and text[max(place - 1, 0)] not in " ,[{" and place):
            raise UnclearError(f"line {number}")
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and not depth:
            parts.append(text[start:place].strip(" "))
            start = place + 1
    parts.append(text[start:].strip(" "))
    if depth or (len(parts) > 1 and not all(parts)):
        raise UnclearError(f"line {number}")
    return [part for part in parts if part]


def _scalar(text: str, number: int) -> str:
    match = SCALAR.fullmatch(text)
    if not match:
        raise UnclearError(f"line {number}")
    single, double, plain = match.groups()
    if single is not None:
        return single.replace("''", "'")
    return double if double is not None else plain.strip(" ")
