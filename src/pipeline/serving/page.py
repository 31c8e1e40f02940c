"""The documentation page: it loads nothing from anywhere, and sends a row to the service that it came from."""

import base64
import hashlib
import html
import json

from pipeline.data.date_format import write
from pipeline.data.schema import Feature
from pipeline.serving.model import Model
from pipeline.text import shown

SCRIPT = """
const form = document.querySelector("form"), answer = document.querySelector("output");
form.addEventListener("submit", async event => {
  event.preventDefault();
  const headers = {"Content-Type": "application/json"};
  if (form.token.value) headers.Authorization = "Bearer " + form.token.value;
  answer.textContent = "…";
  try {
    const said = await fetch("predict", {method: "POST", headers, body: form.rows.value});
    answer.textContent = said.status + " " + JSON.stringify(await said.json(), null, 2);
  } catch (error) {
    answer.textContent = "no answer: " + error.message;
  }
});
"""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse } td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }
pre, textarea, output { font: 14px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
pre, output { background: #f3f3f3; padding: .8rem; display: block } textarea { width: 100%; box-sizing: border-box }
label { display: block; margin: .6rem 0 } button { font: inherit; padding: .3rem 1rem }
"""
COLUMNS = 200  # that the page lists


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; connect-src 'self'; script-src {_hash(SCRIPT)}; "
    f"style-src {_hash(STYLE)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def page(model: Model) -> bytes:
    """The page for a package."""
    schema = model.schema
    title = _text(model.card.partition("\n")[0].lstrip("# ") or "model")
    example = json.dumps(model.example, ensure_ascii=False, indent=None if schema.tensor else 2)
    one_line = json.dumps(model.example).replace("'", "\\u0027")
    curl = f"curl -H 'Content-Type: application/json' -d '{one_line}' http://ADDRESS/predict"
    python = (
        "import json, urllib.request\n\n"
        f"row = json.loads({json.dumps(model.example)!r})\n"
        'request = urllib.request.Request("http://ADDRESS/predict", json.dumps(row).encode(), '
        '{"Content-Type": "application/json"})\n'
        "print(json.load(urllib.request.urlopen(request)))"
    )
    rows = "".join(
        f"<tr><td><code>{_text(feature.name)}</code></td><td>{feature.type}"
        f"{', may be null' if feature.missing else ''}</td><td>{_seen(feature)}</td></tr>"
        for feature in schema.features[:COLUMNS]
    )
    more = len(schema.features) - COLUMNS
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{STYLE}</style>
<h1>{title}</h1>
<p>Predicts <code>{_text(schema.target)}</code>, version <code>{model.version}</code>.
<a href="openapi.json">OpenAPI</a>, <a href="metadata">metadata with the model card</a>,
<a href="metrics">metrics</a>.</p>
<h2>Try it</h2>
<form><label>A row, a list of rows, or columns:
<textarea name="rows" rows="12" spellcheck="false">{_text(example, lines=True)}</textarea></label>
<label>Token, if the service asks for one: <input name="token" type="password" autocomplete="off"></label>
<button>Predict</button></form><output aria-live="polite"></output>
<h2>From elsewhere</h2>
<pre>{_text(curl)}</pre>
<pre>{_text(python, lines=True)}</pre>
<h2>Columns</h2>
<table><tr><th>column<th>type<th>training saw</tr>{rows}</table>
<p>{f"{more} more in <a href='metadata'>the schema</a>." if more > 0 else ""}</p>
<script>{SCRIPT}</script>
""".encode()


def _seen(feature: Feature) -> str:
    if feature.type == "category":
        names = [name for name in feature.categories if name]
        return ", ".join(map(_text, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    if feature.type == "text":
        return f"{len(feature.terms):,} terms"
    if feature.minimum is None or feature.maximum is None:
        return ""
    if feature.type == "date":
        return f"{write(feature.minimum, '')} to {write(feature.maximum, '')}"
    return f"{feature.minimum:g} to {feature.maximum:g}"


def _text(text: str, lines: bool = False) -> str:
    return html.escape(shown(text, lines))
