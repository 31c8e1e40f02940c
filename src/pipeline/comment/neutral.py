"""Makes Markdown from a stranger harmless: it can be read, but calls nobody, links nowhere and shows no foreign HTML.

The text comes out of a pull request's own code, so every character of it may be an attack on the comment that the
repository's bot posts. There is no Markdown parser here that could disagree with GitHub's. Two things are done:

* Everywhere but in code blocks, each sequence that GitHub acts on is broken by a zero-width space. The reader does
  not see it, and it holds in code spans, tables and HTML alike, so nothing depends on knowing where one begins.
  (A dollar sign gets a backslash as well, which a code span shows.)
  HTML is an allow-list of exact tags without attributes.
* Code blocks are recognised only in one strict form and written anew: with a fence longer than any run of backticks
  in them, at the left margin, between blank lines. What could keep such a fence from opening a code block (another
  fence, a comment, `<pre>`) is broken by the first rule. A block's content stays, so that a patch can be copied.
  A Mermaid chart is drawn only in the very shape that `review/show/render.py` writes, and shown as source otherwise:
  other kinds and other settings make links, load pictures, or fill the page. Only the first few are drawn, and none
  that is long: the reader's browser draws them, and a comment holds a thousand that each take it a second.
"""

import re
from collections.abc import Callable
from itertools import takewhile

from pipeline.text import shown

TAGS = frozenset(
    f"<{slash}{name}>"
    for name in ("details", "summary", "sub", "sup", "b", "i", "em", "strong", "code", "kbd")
    for slash in ("", "/")
) | {"<br>", "<br/>", "<br />", "<details open>"}
ENTITIES = ("&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;")
LANGUAGES = ("", "diff", "json", "mermaid", "text", "yaml")

MOST_CHARTS = 6  # a report has one for each quantity that the validation rows are watched by: two
LONGEST_CHART = 6_000  # characters; two lines of 101 points, tiny numbers with exponents, are 4,200

BREAK = "\u200b"
_ACTED_ON = re.compile(
    r"""
      @                              # mentions, e-mail addresses, owner/repository@commit
    | \#(?=\\*\d)                    # issues and pull requests
    | gh(?=\\*-\d)                   # the same, as GH-12
    | :(?=[\\/])                     # addresses: https://...
    | www(?=\\*\.)                   # addresses without a scheme
    | !(?=\[)                        # images
    | \](?=[(:])                     # links and their definitions
    | &(?!(?:ENTITIES))(?=[\#a-z])   # character references, which could spell any of these
    | <(?=[a-z/!?])                  # HTML
    | `(?=``) | ~(?=~~)              # code blocks other than those written here
    | (?<!\\)\\*\$                   # mathematics
    | ^[\ \t>*+-]*/(?=[a-z])         # commands of bots, such as /approve
    """.replace("ENTITIES", "|".join(entity[1:] for entity in ENTITIES)),
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile("|".join(re.escape(tag) for tag in sorted(TAGS)))
_OPENING = re.compile(rf"(`{{3,}})({'|'.join(LANGUAGES)})")
_CHART = re.compile(
    r"""(?:---
config:
  xyChart:
    width: \d{1,3}
    height: \d{1,3}
  themeVariables:
    xyChart:
      plotColorPalette: "\#[0-9a-f]{6}(?:, \#[0-9a-f]{6})*"
---
)?xychart-beta
(?:  (?:x-axis|y-axis|line)(?: "[\w ]{1,80}")?(?: [-+.\d]+ --> [-+.\d]+| \[[-+.,\d ]+\])?
)+"""
)


def neutralise(markdown: str) -> str:
    """The same text, harmless. Adds a line break at the end and closes what was left open."""
    out: list[str] = []
    text: list[str] = []
    charts = 0
    lines = iter(_plain(markdown).split("\n"))
    for line in lines:
        if opening := _OPENING.fullmatch(line):
            content = list(takewhile(_is_below(opening[1]), lines))
            language = opening[2]
            if language == "mermaid":
                language = "mermaid" if charts < MOST_CHARTS and _is_chart("\n".join(content)) else "text"
                charts += language == "mermaid"
            out += [_text("\n".join(text)), _code_block(language, content)]
            text = []
        else:
            text.append(line)
    return _closed("".join([*out, _text("\n".join(text))])).rstrip("\n") + "\n"


def shorten(markdown: str, limit: int, note: str) -> str:
    """At most `limit` characters of neutral Markdown: whole lines, closed, and with `note` at the end if it was cut."""
    if length(markdown) <= limit:
        return markdown
    room = limit - length(note) - 400  # 400: what closes open tags
    kept: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        opening = re.match("`{3,}", line)
        after = fence if fence and line != fence else "" if fence else opening.group() if opening else ""
        room -= length(line) + 1
        if room < len(after) + 1:
            break
        kept.append(line)
        fence = after
    return _closed("\n".join([*kept, fence])) + f"\n{note}\n"


def length(text: str) -> int:
    """Characters as GitHub counts them at worst: in UTF-16 units, where most emoji are two."""
    return len(text.encode("utf-16-le")) // 2


def inline(text: str, limit: int = 80) -> str:
    """One line from a stranger as a code span of at most `limit` characters."""
    line = re.sub(r"[`|\\\s]+", " ", _plain(text)).strip()[:limit]
    return f"`{_ACTED_ON.sub(_broken, line) or '?'}`"


def verbatim(text: str, lines: int) -> str:
    """The last `lines` lines of a log as a code block."""
    kept = [line[:200] for line in _plain(text).rstrip().split("\n")[-lines:]]
    return _code_block("text", kept)


def _plain(text: str) -> str:
    """Lines of what can be seen; what cannot is shown as its escape, but for the colours that a terminal would take."""
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)  # colours of a terminal
    text = re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text)
    return shown(text, lines=True)


def _text(text: str) -> str:
    """Text outside code blocks: allowed tags kept, every other sequence that GitHub acts on broken."""
    pieces: list[str] = []
    end = 0
    for tag in _TAG.finditer(text):
        pieces += [_ACTED_ON.sub(_broken, text[end : tag.start()]), tag.group()]
        end = tag.end()
        if tag.group().startswith("</") and text[end : end + 1].strip():
            pieces.append(BREAK)  # browsers drop a closing tag that closes nothing, and join what it kept apart
    pieces.append(_ACTED_ON.sub(_broken, text[end:]))
    return "".join(pieces)


def _broken(match: re.Match[str]) -> str:
    found = match.group()
    if found.endswith("$") and len(found) % 2:  # not escaped yet; mathematics may begin behind a zero-width space
        found = f"{found[:-1]}\\$"
    return found + BREAK


def _is_below(fence: str) -> Callable[[str], bool]:
    """Whether a line belongs to the block that `fence` opened, and is not a fence at least as long."""
    return lambda line: len(line.strip()) < len(fence) or bool(line.strip().strip("`"))


def _is_chart(source: str) -> bool:
    """Whether a Mermaid chart has the shape and the size of a report's."""
    return len(source) <= LONGEST_CHART and _CHART.fullmatch(f"{source}\n") is not None


def _code_block(language: str, lines: list[str]) -> str:
    """A code block between blank lines that its content cannot close."""
    content = "\n".join(lines)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", content)), default=0))
    return f"\n\n{fence}{language}\n{content}\n{fence}\n\n"


def _closed(markdown: str) -> str:
    """With the closing tags that are missing, so that what follows is not drawn into a folded section."""
    missing = "".join(
        f"</{name}>" * min(8, len(re.findall(f"<{name}(?: open)?>", markdown)) - markdown.count(f"</{name}>"))
        for name in ("summary", "details")
    )
    return f"{markdown.rstrip()}\n\n{missing}\n" if missing else markdown
