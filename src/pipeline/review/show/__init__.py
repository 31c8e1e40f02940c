"""The review in words: Markdown, HTML, terminal."""
