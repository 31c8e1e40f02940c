"""Whatever the text, GitHub finds nothing to act on in what `neutralise` makes of it; what reports hold is kept."""

import html
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.comment.neutral import BREAK, LANGUAGES, MOST_CHARTS, TAGS, inline, length, neutralise, shorten, verbatim

ACTED_ON = re.compile(r"[@][a-z0-9]|#\d|gh-\d|[a-z]+://|www\.|\$`", re.IGNORECASE)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

PIECES = [
    *("@user", "@org/team", "@", "user", "#12", "#", "12", "GH-12", "gh", "-", "me/it#3", "me/it@0123456", "fixes #1 "),
    *("https://e.vil", "http:", "//", "www.", "e.vil", "a@b.cd", "<https://e.vil>", "[t](https://e.vil)", "[t][r]"),
    *("[r]: https://e.vil", "![i](https://e.vil/i.png)", "![i][r]", "[", "]", "(", ")", "!", "[^1]", "[^1]: note"),
    *(
        "<img src=x>",
        "<a href=//e.vil>",
        "<script>",
        "<!--",
        "-->",
        "<pre>",
        "</pre>",
        "<style>",
        "<?",
        "<![CDATA[",
        "]]>",
    ),
    *(
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<br>",
        "<sub>",
        "<details open>",
        "<b>",
        "<code>",
        "</code>",
    ),
    *(
        "`",
        "``",
        "```",
        "````",
        "~~~",
        "```mermaid",
        "```diff",
        "```text",
        "```evil",
        "\n```\n",
        "\n```diff\n",
        "\n```text\n",
    ),
    *(
        "    ",
        "\t",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\u2028",
        "> ",
        "- ",
        "1. ",
        "| a | b |\n|---|---|\n",
        "---",
        "# ",
        "\\",
        "$",
        "$$",
        "\\",
        "/approve",
        "- /merge",
    ),
    *("&#64;", "&commat;", "&#x40;", "&num;", "&lt;", "&amp;", "&colon;", "&", ";", "*", "**", "_", "~~", " "),
    *("\u200b", "\u202e", "\x00", "\x1b[31m", "\ufeff", "é", "中", "😀", "xychart-beta", "click A href", "user"),
]
ATTACKS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)


def found_by_a_parser(markdown: str) -> list[str]:
    """What GitHub would act on, according to a CommonMark parser that shares no code with the neutraliser."""
    found: list[str] = []
    for token in PARSER.parse(markdown):
        if token.type == "fence" and token.info not in LANGUAGES:
            found.append(f"code block of kind {token.info}")
        if token.type == "html_block":
            found += _found_in_html(token.content)
        if token.type == "inline":
            found += _found_inline(token.children or [])
    return found


def _found_inline(tokens: list[Token]) -> list[str]:
    found = [token.type for token in tokens if token.type in ("link_open", "image")]
    text = "".join(token.content if token.type == "text" else _what_remains(token.content) for token in tokens)
    found += ACTED_ON.findall(text)
    for token in tokens:
        if token.type == "html_inline":
            found += _found_in_html(token.content)
    return found


def _what_remains(tag: str) -> str:
    """Of a tag, for what stands beside it: a closing tag that closes nothing is dropped by browsers."""
    return "" if tag.startswith("</") else "\0"


def _found_in_html(content: str) -> list[str]:
    tags = re.findall(r"<[a-zA-Z/!?][^>]*>?", content)
    text = html.unescape(re.sub(r"<[a-zA-Z/!?][^>]*>?", lambda tag: _what_remains(tag.group()), content))
    return [tag for tag in tags if tag not in TAGS] + ACTED_ON.findall(text)


@settings(max_examples=400, deadline=None)
@given(ATTACKS)
@example("~~~\n```\n~~~\n@user\n```")
@example("````\n```text\n````\n@user\n```\n")
@example("<!--\n```text\n-->\n@user\n```")
@example("<details>\n```text\n</details>\n@user\n```")
@example("#</b>1 g</b>h-1 http:</b>//e.vil ww</b>w.e.vil")
@example("- x\n\n      ```text\n@user")
@example("\\@user \\#1 https:\\/\\/e.vil www\\.e.vil GH\\-1 &commat;user &#64;user")
def test_nothing_that_github_acts_on_is_left(text: str) -> None:
    assert found_by_a_parser(neutralise(text)) == []


@settings(max_examples=200, deadline=None)
@given(ATTACKS)
def test_outside_code_blocks_no_sequence_is_left_even_without_a_parser(text: str) -> None:
    prose = re.sub(r"(?sm)^(`{3,})[a-z]*\n.*?^\1$", "", neutralise(text))
    assert not re.search(r"@(?!\u200b)|#\d|!\[|\]\(|\]:|://|www\.|<!--|```|~~~|\$(?!\u200b)", prose)
    assert not re.search(r"(?<!\\)(?:\\\\)*\$", prose), "an unescaped dollar sign"
    assert not re.search(r"(?m)^\s*/[a-z]", prose), "a bot's command"
    assert all(tag in TAGS for tag in re.findall(r"<[a-zA-Z/!?][^>\n]*>?", prose))


@settings(max_examples=150, deadline=None)
@given(ATTACKS)
def test_nothing_invisible_is_left_but_what_breaks_the_sequences(text: str) -> None:
    neutral = neutralise(text).replace(BREAK, "")
    assert not [c for c in neutral if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t"]


@settings(max_examples=150, deadline=None)
@given(ATTACKS, st.integers(600, 1200))
def test_shortening_keeps_the_limit_and_opens_nothing(text: str, limit: int) -> None:
    short = shorten(neutralise((text + "\n") * 12), limit, "cut")
    assert length(short) <= limit
    assert found_by_a_parser(short) == []


@settings(max_examples=150, deadline=None)
@given(ATTACKS)
def test_a_name_or_a_log_cannot_leave_its_code(text: str) -> None:
    assert found_by_a_parser(f"failed at {inline(text)}, | {inline(text)} |") == []
    assert found_by_a_parser(f"x{verbatim(text, 15)}") == []


REPORT = """\
## Better

**accuracy** rose from `97.1 %` to `98.0 %` (p < 0.05 & n > 400) 😀

| metric | base | head |
|---|---:|---:|
| log_loss \\| nats | 0.1 | 0.09 |

<details><summary>Where</summary>

- class `3`<br>worse
> [!NOTE]
> 5 rows<sub>of 449</sub>

</details>

```diff
@@ -1,2 +1,2 @@
-dataset: openml:mnist@1
+dataset: openml:mnist@2
```

````diff
+```
````

```mermaid
---
config:
  xyChart:
    width: 760
    height: 280
  themeVariables:
    xyChart:
      plotColorPalette: "#a371f7, #e8702a"
---
xychart-beta
  x-axis "step" 0 --> 299
  y-axis "validation loss"
  line [1, 2.5]
  line [1, -0.0003]
```
"""


def test_what_a_report_holds_is_kept() -> None:
    lines = [line for line in neutralise(REPORT).split("\n") if line]
    assert lines == [line for line in REPORT.split("\n") if line]


@pytest.mark.parametrize(
    "chart",
    [
        'flowchart LR\n  A --> B\n  click A "https://e.vil"',
        'xychart-beta\n  title "https://e.vil"',
        "%%{init: {'securityLevel': 'loose'}}%%\nxychart-beta\n  line [1]",
        "---\nconfig:\n  themeCSS: 'background: url(x)'\n---\nxychart-beta\n  line [1]",
        'pie\n  "<img src=x>": 1',
        # Front matter that ends where a careless reader thinks it does not, and addresses spelt with escapes.
        "---\nconfig:\n  sequence:\n    forceMenus: true\na: |\n  ---\n  xychart-beta\n---\nsequenceDiagram\n"
        '  links A: {"Dash": "https:\\u002f\\u002fe.vil"}',
        "---\na: |\n  ---\n  xychart-beta\n---\nflowchart LR\n"
        '  A@{ img: "https:\\u002f\\u002fe.vil/x.png", label: "x" }',
        "---\nconfig:\n  xyChart:\n    width: 760\n    height: 40000\n---\nxychart-beta\n  line [1]",
        'xychart-beta\n  line [1]\n  title "#lt;b#gt;"',
        f"xychart-beta\n  line [{', '.join(['1'] * 10_000)}]",
        "xychart-beta\n" + "\n".join(["  line [1]"] * 1_000),
        "",
    ],
)
def test_a_chart_that_could_hold_a_link_or_fill_the_page_is_shown_as_source(chart: str) -> None:
    neutral = neutralise(f"```mermaid\n{chart}\n```")
    assert "```mermaid" not in neutral
    assert f"```text\n{chart}\n```" in neutral


def test_charts_are_counted_and_the_rest_is_shown_as_source() -> None:
    """A thousand of them would fit into a comment, and the reader's browser has to draw each."""
    neutral = neutralise("```mermaid\nxychart-beta\n  line [1, 2]\n```\n" * 1_000)
    assert neutral.count("```mermaid\n") == MOST_CHARTS
    assert neutral.count("```text\n") == 1_000 - MOST_CHARTS


def test_the_reader_sees_the_same_text() -> None:
    text = "ask @user about #12 at https://example.com <img>"
    assert neutralise(text).replace(BREAK, "") == text + "\n"
    assert neutralise(text) != text + "\n"


def test_a_folded_section_that_is_left_open_is_closed() -> None:
    assert neutralise("<details><summary>x").endswith("</summary></details>\n")
    assert shorten(neutralise("<details>\n" + "row\n" * 1000 + "</details>"), 900, "cut").endswith(
        "</details>\n\ncut\n"
    )


def test_a_report_of_the_largest_size_takes_no_time() -> None:
    for piece in ("#\\", "`", "<details>\n", "](", "&", "```\n", "-->", "\\"):
        text = piece * (1_000_000 // len(piece))
        assert length(shorten(neutralise(text), 65_536, "cut")) <= 65_536
