"""A comment as GitHub shows it: its Markdown, its style roughly, its Mermaid exactly."""

import html
from pathlib import Path

from markdown_it import MarkdownIt

MERMAID = Path(__file__).parent / "node_modules/mermaid/dist/mermaid.min.js"  # npm ci --prefix tests/browser
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STYLE = """
body { margin: 0; padding: 24px; background: #fff; color: #1f2328;
  font: 14px/1.5 -apple-system, "Segoe UI", Helvetica, Arial, "DejaVu Sans", "Noto Color Emoji", sans-serif; }
article { width: 920px; border: 1px solid #d1d9e0; border-radius: 6px; }
.by { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; color: #59636e; }
.by b { color: #1f2328; }
.body { padding: 16px; overflow-wrap: break-word; }
h2 { font-size: 21px; margin: 0 0 12px; padding-bottom: 6px; border-bottom: 1px solid #d1d9e0b3; }
p, table, details, pre { margin: 0 0 16px; }
table { border-collapse: collapse; display: block; width: max-content; max-width: 100%; overflow: auto; }
th, td { padding: 6px 13px; border: 1px solid #d1d9e0; }
tr:nth-child(2n) td { background: #f6f8fa; }
code { padding: 0.2em 0.4em; font: 85% ui-monospace, "DejaVu Sans Mono", monospace; background: #818b981f; }
pre { padding: 16px; background: #f6f8fa; border-radius: 6px; overflow: auto; }
pre code { padding: 0; background: none; }
summary { cursor: pointer; }
pre.mermaid { background: none; padding: 0; text-align: center; }
"""


def comment_page(markdown: str) -> str:
    """An HTML page that shows `markdown` as a bot's comment; charts are drawn when it is opened."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    plain = parser.renderer.rules["fence"]

    def fence(tokens, index, options, env):  # type: ignore[no-untyped-def]
        if tokens[index].info == "mermaid":
            return f'<pre class="mermaid">{html.escape(tokens[index].content)}</pre>'
        return plain(tokens, index, options, env)

    parser.renderer.rules["fence"] = fence
    return (
        f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><article>'
        f'<div class="by"><b>github-actions</b> bot commented</div><div class="body">{parser.render(markdown)}</div>'
        f'</article><script src="{MERMAID.as_uri()}"></script><script>mermaid.initialize({{startOnLoad: false}});'
        "document.querySelectorAll('details').forEach(details => details.open = true);"
        "const drawn = document.body.dataset;"
        "mermaid.run().then(() => drawn.drawn = 'yes', error => drawn.drawn = error.message);</script>"
    )
