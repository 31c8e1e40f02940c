"""The page that `pipeline adopt` prints: how a table is read, what becomes of each column, what a person should see."""

from typing import TYPE_CHECKING, Any

from pipeline.comparison import formats
from pipeline.data.adopting import Adoption, Notice
from pipeline.text import count, shown

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = 60  # rows of the table of columns at most: the page stays a page
NOTICES = 40


def print_page(found: Adoption, file: str, options: dict[str, Any], doubts: tuple[str, ...], settings: str) -> None:
    """Print the page; `settings` is what would stand in params.yaml."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(_plain(f"{file}: {count(found.rows, 'row')}, {count(len(found.columns), 'column')}"))
    how = ", ".join(f"{key} {value!r}" for key, value in options.items()) or "as it is"
    console.print(_plain(f"read: {how}"))
    console.print(_plain(_target(found)))
    _print_columns(console, found)
    notices = [Notice("", doubt) for doubt in doubts] + list(found.notices)
    if notices:
        console.print("\nNoticed, each with the line of params.yaml that settles it")
        lines = Table.grid(padding=(0, 1))  # what does not fit a line goes on below its text, not below the bullet
        for notice in notices[:NOTICES]:
            place = f"{notice.column}: " if notice.column else ""
            lines.add_row("•", _plain(f"{place}{notice.message}"))
            if notice.setting:
                lines.add_row("", _plain(f"→ {notice.setting}"))
        console.print(lines)
        if len(notices) > NOTICES:
            console.print(f"• and {len(notices) - NOTICES} more")
    console.print("\nparams.yaml would say")
    console.print(_plain(settings.rstrip(), lines=True))


def _target(found: Adoption) -> str:
    """The classes with their shares, the commonest first."""
    total = max(1, sum(found.classes.values()))
    some = [f"{label} {rows / total:.1%}" for label, rows in list(found.classes.items())[:8]]
    more = f" and {len(found.classes) - 8} more" if len(found.classes) > 8 else ""
    blank = f"; {count(found.blank, 'row')} without a class" if found.blank else ""
    name = next(column.name for column in found.columns if column.becomes == "the target")
    return f"target: {name}, {count(len(found.classes), 'class')}: {', '.join(some)}{more}{blank}"


def _print_columns(console: "Console", found: Adoption) -> None:
    from rich.table import Table

    table = Table(title_justify="left", pad_edge=False)
    for name in ("column", "type", "examples", "blank", "becomes"):
        table.add_column(name, justify="right" if name == "blank" else "left", overflow="fold")
    for column in found.columns[:COLUMNS]:
        examples = formats.some([formats.short(shown(text), 20) for text in column.examples])
        gaps = f"{column.gaps:,}" if column.gaps else ""
        cells = (formats.short(shown(column.name), 40), column.type, examples, gaps, column.becomes)
        table.add_row(*(_plain(cell) for cell in cells))
    console.print(table)
    if len(found.columns) > COLUMNS:
        console.print(f"and {len(found.columns) - COLUMNS} more columns")


def _plain(text: str, lines: bool = False) -> Any:
    """Text that rich takes as it stands, not as markup."""
    from rich.text import Text

    return Text(shown(text, lines=lines))
