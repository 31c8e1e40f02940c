"""What becomes of a table that nobody has described yet: each column's part, what is noticed, and what is proposed.

Nothing here is decided for good: a proposal is a set of lines of params.yaml, which the person sees before it is used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data import dates, profile
from pipeline.data.cells import BOOLEAN, DATE, MEASURE, NUMBER, PADDED, as_names, as_numbers, is_boolean, is_text
from pipeline.data.dataset import ID_NAME, MAX_CATEGORIES, names_rows, problem_of, read_labels
from pipeline.data.split import row_hashes
from pipeline.errors import InputError

EXAMPLES = 3  # cells shown of a column
CODE_NAME = re.compile(r"(?i:(^|[_ .-])(zip|zipcode|postcode|plz|code|area_?code)$)|[a-z](Code|Zip)$")
SENTINELS = (-9999.0, -999.0, -99.0, -9.0, -1.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)
OFTEN = 0.01  # share of rows from which a number that stands apart is a sentinel, not an outlier
BALANCED, RARE = 0.6, 0.9  # share of the commonest class up to which accuracy, or balanced accuracy, says most
FEW_CLASSES = 10  # up to which a category becomes the shares of the classes in it; else only the frequent ones count
UNITS = 3  # distinct numbers with a unit from which they are amounts, rather than names
MEANINGLESS = r"\W*|(?i:none|unknown|missing|nil|n\.?a\.?|unbekannt)"  # a word that stands for a blank
NO_DATE = rf"{MEANINGLESS}|0000[-/.]00[-/.]00.*|00[-/.]00[-/.]0000.*"
BLANK_TELLS = 0.9  # share of a column's blanks in one class from which being blank gives the class away


@dataclass(frozen=True)
class Column:
    """A row of the page: a column as it stands, and what becomes of it."""

    name: str
    type: str
    examples: tuple[str, ...]
    gaps: int
    becomes: str


@dataclass(frozen=True)
class Notice:
    """Something that a person should see, with the line of params.yaml that settles it."""

    column: str
    message: str
    setting: str = ""


@dataclass(frozen=True)
class Adoption:
    """What was understood of a table.

    `data`: the settings proposed for `data:`. `classes`: rows by class, the commonest first; `blank`: rows without a
    class. `undecided`: what a person must decide before the pipeline can run.
    """

    rows: int
    columns: tuple[Column, ...]
    notices: tuple[Notice, ...]
    data: dict[str, Any]
    classes: dict[str, int]
    blank: int
    primary: str
    undecided: tuple[str, ...] = ()

    @property
    def commonest(self) -> float:
        """The share of the commonest class among the rows that have one: what a model that knows nothing reaches."""
        return max(self.classes.values(), default=0) / max(1, sum(self.classes.values()))


@dataclass
class _Found:
    """What is gathered column by column."""

    roles: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=lambda: {"drop": [], "categorical": []})
    categories: dict[str, str] = field(default_factory=dict)
    dates: dict[str, Any] = field(default_factory=dict)
    encoding: str = "frequent"  # of a column of many categories
    na_values: dict[str, list[Any]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def adopt(table: pd.DataFrame, target: str, chosen: Mapping[str, Any] | None = None) -> Adoption:
    """What becomes of a plain table whose column `target` is to be predicted.

    `chosen` holds settings of `data:` that a person made: they stay, and nothing is proposed for their columns.

    Raises:
        InputError: the table has no such column.
    """
    chosen = dict(chosen or {})
    if target not in table.columns:
        raise InputError(f"--target {target}: the table has no such column; {closest(target, list(table.columns))}")
    found = _Found()
    columns = [_target(table[target])]
    labels, classes, blank = _classes(table[target], found)
    settled = _settled(chosen)
    for name in table.columns:
        if name != target:
            columns.append(_column(table[name], settled.get(name), found))
    if labels is not None:
        _gives_away(table, target, labels, found, settled)
    data = {"target": target, **found.roles}
    data |= {key: names for key, names in found.lists.items() if names}
    data |= {key: how for key, how in {"categories": found.categories, "dates": found.dates}.items() if how}
    for key, value in chosen.items():
        if value not in (None, [], {}):
            data[key] = _both(value, data.get(key))
    if found.na_values:
        data["read"] = {"na_values": found.na_values}
    order = {name: place for place, name in enumerate(table.columns)}
    columns.sort(key=lambda column: order[column.name])
    shares = sorted(classes.values(), reverse=True)
    common = shares[0] / sum(shares) if shares else 0.0
    primary = "accuracy" if common <= BALANCED else "balanced_accuracy" if common <= RARE else "roc_auc"
    return Adoption(
        len(table), tuple(columns), tuple(found.notices), data, classes, blank, primary, tuple(found.undecided)
    )


def _both(chosen: Any, found: Any) -> Any:
    """What a person chose, and of a list or a mapping what was found besides."""
    if isinstance(chosen, list) and isinstance(found, list):
        return [*chosen, *(value for value in found if value not in chosen)]
    return {**found, **chosen} if isinstance(chosen, dict) and isinstance(found, dict) else chosen


def closest(name: str, columns: list[str]) -> str:
    """Which column was meant: the same in other letters, or nearly the same; else which there are."""
    import difflib

    same = [column for column in columns if column.lower().strip() == name.lower().strip()]
    close = same or difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"it has {', '.join(columns[:8])}{', ...' if len(columns) > 8 else ''}"


def _settled(chosen: Mapping[str, Any]) -> dict[str, str]:
    """What a person chose for each column that their settings name."""
    found: dict[str, str] = {}
    for key, value in chosen.items():
        names = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, dict)) else []
        if key not in ("path", "target", "read", "image", "sources"):
            found |= {name: f"data.{key}" for name in names if isinstance(name, str)}
    return found


def _target(target: pd.Series) -> Column:
    return Column(str(target.name), _type(target), _examples(target), int(target.isna().sum()), "the target")


def _classes(target: pd.Series, found: _Found) -> tuple[pd.Series | None, dict[str, int], int]:
    """The labels, rows by class, and rows without one; what a person must decide about them is noted."""
    present = target.dropna()
    blank = len(target) - len(present)
    if blank:
        found.undecided.append(
            f"column '{target.name}': {blank} of {len(target)} rows have no class; take those rows out, or fill them"
        )
    if present.empty:
        return None, {}, blank
    if spelled := spellings(present):
        found.notices.append(
            Notice(
                str(target.name), f"classes that differ only in how they are spelled: {spelled}", "correct the table"
            )
        )
    try:
        labels = read_labels(present)
    except InputError as error:
        found.undecided.append(str(error))
        return None, {}, blank
    counts = {str(label): int(rows) for label, rows in labels.value_counts().items()}
    if len(counts) < 2:
        found.undecided.append(f"column '{target.name}': all rows are '{next(iter(counts))}'; two classes are needed")
    found.encoding = "target" if len(counts) <= FEW_CLASSES else "frequent"
    few = [label for label, rows in counts.items() if rows < 10]
    if few and len(counts) > 1:
        some = ", ".join(few[:5]) + (", ..." if len(few) > 5 else "")
        found.notices.append(
            Notice(str(target.name), f"{len(few)} classes have fewer than 10 rows ({some}): put rare ones together")
        )
    return (labels if blank == 0 else None), counts, blank


def _column(column: pd.Series, settled: str | None, found: _Found) -> Column:
    """A column that is not the target: what becomes of it goes into `found` as well."""
    name, gaps = str(column.name), int(column.isna().sum())

    def row(becomes: str) -> Column:
        return Column(name, _type(column), _examples(column), gaps, becomes)

    if settled:
        return row(f"as you chose: {settled}")
    if gaps == len(column):
        found.lists["drop"].append(name)
        return row("left out: no row has a value")
    if names_rows(column) or _numbers_rows(column):
        found.notices.append(Notice(name, "every row has a value of its own: it names the rows", f"data.id: {name}"))
        if "id" not in found.roles:
            found.roles["id"] = name
            return row("the id of a row")
        found.lists["drop"].append(name)
        return row("left out: a second id")
    if _comes_back(column):
        message = f"called like an id, and its {column.nunique()} values come back: a person, a device?"
        found.notices.append(Notice(name, message, f"data.group: {name}"))
        if "group" not in found.roles:
            found.roles["group"] = name
            return row("the group of a row: stays on one side")
    if words := _few_words(column):
        found.na_values[name] = words
        said = " and ".join(f"'{word}'" for word in words)
        found.notices.append(
            Notice(name, f"{said} among numbers: read as blank", f"data.read.na_values: {{{name}: {words}}}")
        )
        return row("a number; its words are blanks")
    if _is_whole_date(column):
        return row(_dates(column, found) or "a number")
    if (problem := problem_of(column)) is not None:
        return row(_without_use(column, problem, found))
    if _is_code(column):
        if column.nunique() > MAX_CATEGORIES:
            return row(_many(column, found))
        message = f"called like a code, such as {_examples(column)[0]}: names, not amounts"
        found.notices.append(Notice(name, message, f"data.categorical: [{name}]"))
        found.lists["categorical"].append(name)
        return row("a category")
    _odd(column, found)
    kind = _type(column)
    return row("a category" if kind == "text" else f"a {kind}")


def _without_use(column: pd.Series, problem: str, found: _Found) -> str:
    """What becomes of a column that no model can use as it is."""
    name = str(column.name)
    if problem == "split":
        found.roles["split_column"] = name
        found.notices.append(Notice(name, "says train or test in every row", f"data.split_column: {name}"))
        return "says on which side a row is"
    if problem == "many":
        return _many(column, found)
    if problem == "dates" and (becomes := _dates(column, found)):
        return becomes
    what = {
        "dates": "dates or times that no one format reads, or all the same",
        "words": f"{_share_of_numbers(column):.0%} numbers, the rest words such as '{_words(column)[0][:20]}'",
        "free text": f"{column.nunique()} different texts in {column.count()} rows",
    }[problem]
    found.lists["drop"].append(name)
    found.notices.append(Notice(name, f"{what}: left out", f"data.drop: [{name}]"))
    return f"left out: {'free text' if problem == 'free text' else problem}"


def _dates(column: pd.Series, found: _Found) -> str | None:
    """What becomes of dates: those of their parts that vary; None if they cannot all be read in one format."""
    name, texts = str(column.name), as_names(column).fillna("")
    words = texts.str.fullmatch(NO_DATE) & (texts != "")
    present = texts[~words & (texts != "")]
    formats = dates.formats_of(present)
    if not formats:
        return None
    numbers = dates.numbers(present, formats[0])
    parts = [part for part in dates.PARTS if numbers[part].nunique() > 1]
    if not parts:
        return None
    found.dates[name] = {"parts": parts, "format": formats[0]} if formats[0] else parts
    days = numbers["days"]
    message = f"dates, {dates.write(days.min(), '')} to {dates.write(days.max(), '')}"
    if other := next((other for other in formats[1:] if not dates.numbers(present, other)["days"].equals(days)), None):
        message += f"; or does {texts.iloc[0]} mean {other}?"
    if words.any():
        found.na_values[name] = sorted(texts[words].unique().tolist())
        message += f"; {', '.join(found.na_values[name])} read as blank"
    found.notices.append(Notice(name, message, f"data.dates: {{{name}: {_line(found.dates[name])}}}"))
    return f"a date: {', '.join(parts)}"


def _line(how: Any) -> str:
    """A list or a mapping as params.yaml has it on one line."""
    if isinstance(how, Mapping):
        return f"{{{', '.join(f'{key}: {_line(value)}' for key, value in how.items())}}}"
    return f"[{', '.join(how)}]" if isinstance(how, list) else f"'{how}'"


def _is_whole_date(column: pd.Series) -> bool:
    """Whether whole numbers are all days of a calendar: 20240131."""
    if is_text(column) or is_boolean(column):
        return False
    present = column.dropna()
    if present.nunique() < 2 or not present.between(19000101, 21001231).all():
        return False
    return not dates.unreadable(as_names(present.drop_duplicates()), "%Y%m%d").any()


def _many(column: pd.Series, found: _Found) -> str:
    """What becomes of a column of more categories than a model can tell apart one by one."""
    name = str(column.name)
    found.categories[name] = found.encoding
    message = f"{column.nunique()} different names, more than {MAX_CATEGORIES}"
    found.notices.append(Notice(name, message, f"data.categories: {{{name}: {found.encoding}}}"))
    return (
        "the shares of the classes in it"
        if found.encoding == "target"
        else "a category: the frequent ones, and the rest"
    )


def _odd(column: pd.Series, found: _Found) -> None:
    """What is noticed of a column that is a feature as it is."""
    name = str(column.name)
    if is_text(column):
        if spelled := spellings(column.dropna()):
            found.notices.append(Notice(name, f"texts that differ only in how they are spelled: {spelled}"))
        texts = column.dropna()
        if texts.nunique() >= UNITS and texts.str.fullmatch(MEASURE).all() and not texts.str.fullmatch(NUMBER).any():
            message = f"numbers with units, such as '{texts.iloc[0]}', taken as names: write plain numbers if amounts"
            found.notices.append(Notice(name, message))
    if (sentinel := sentinel_of(column)) is not None:
        shown = f"{sentinel:g}"
        rows = int((column == sentinel).sum())
        message = f"{shown} stands apart from all other values in {rows} rows: a blank?"
        found.notices.append(Notice(name, message, f"data.read.na_values: {{{name}: [{shown}]}}"))
    if column.nunique(dropna=False) == 1:
        found.notices.append(Notice(name, "all rows have the same value", f"data.drop: [{name}]"))
    elif column.isna().mean() > 0.5:
        found.notices.append(Notice(name, f"{column.isna().mean():.0%} of the rows are blank"))


def _gives_away(table: pd.DataFrame, target: str, labels: pd.Series, found: _Found, settled: Mapping[str, str]) -> None:
    """Columns that tell the class nearly always, by their values or by where they are blank."""
    out = {target, *found.lists["drop"], *(v for v in found.roles.values() if isinstance(v, str)), *settled}
    names = [name for name in table.columns if name not in out]
    if not names:
        return
    values = table[names].apply(lambda column: as_names(column).fillna("") if is_text(column) else column)
    hashes = row_hashes(values)
    for finding in profile.find_given_away(values, labels, hashes):
        found.notices.append(Notice(finding.column, finding.message, f"data.drop: [{finding.column}]"))
    for name in names:
        if label := blank_tells(table[name], labels):
            message = f"filled (or blank) in the rows of '{label}' only: is it known before the target?"
            found.notices.append(Notice(name, message, f"data.drop: [{name}]"))


def blank_tells(column: pd.Series, labels: pd.Series) -> str | None:
    """The class that being filled, or being blank, gives away; None if no class stands out.

    Given away is a class whose rows are (nearly) all filled where (nearly) no other's are, or the other way round.
    """
    blank = column.isna().to_numpy()
    if not 0 < blank.sum() < len(blank):
        return None
    by_class = pd.DataFrame({"blank": blank, "label": labels.to_numpy()}).groupby("label")["blank"].mean()
    for label, share in by_class.items():
        others = by_class.drop(label)
        if len(others) and abs(share - others).min() >= BLANK_TELLS:
            return str(label)
    return None


def spellings(texts: pd.Series) -> str:
    """Values that mean the same, spelled in several ways: "Yes, yes; true, 1"; empty if there are none."""
    if not is_text(texts):
        return ""
    meanings = {"1": "true", "0": "false", "y": "yes", "n": "no", "t": "true", "f": "false"}
    groups: dict[str, list[str]] = {}
    distinct = texts.unique().tolist()
    truths = {"true", "false", "yes", "no"} & {text.casefold().strip() for text in distinct}
    for text in distinct:
        folded = re.sub(r"\s+", " ", text.casefold().strip())
        short = meanings.get(folded, folded)
        groups.setdefault(short if short in truths or ({short} & {"yes", "no"} and truths) else folded, []).append(text)
    several = [sorted(alike) for alike in groups.values() if len(alike) > 1]
    return "; ".join(", ".join(alike[:4]) for alike in several[:3])


def sentinel_of(column: pd.Series) -> float | None:
    """A number such as -999 that stands for a blank: often there, and far from all other values of the column."""
    if is_text(column) or is_boolean(column):
        return None
    values = column.dropna().to_numpy(dtype=np.float64)
    for sentinel in SENTINELS:
        is_it = values == sentinel
        others = values[~is_it]
        if is_it.sum() < max(2, OFTEN * len(values)) or not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        away = low - sentinel if sentinel < low else sentinel - high
        if away > 0 and away >= max(high - low, 1.0):
            return sentinel
    return None


def _numbers_rows(column: pd.Series) -> bool:
    """Whether whole numbers, each once though with gaps, are called like the number of a row or a person."""
    if is_text(column) or is_boolean(column) or column.dtype.kind not in "iu" or not column.is_unique:
        return False
    called = re.search(r"(?i:number|num|no|nr|id|key|index)$", str(column.name))
    return called is not None and len(column) >= 10


def _comes_back(column: pd.Series) -> bool:
    """Whether a column is called like an id whose values repeat, as those of a person do."""
    called = ID_NAME.search(str(column.name)) is not None
    distinct = column.nunique()
    return called and not is_boolean(column) and 20 <= distinct <= 0.9 * len(column)


def _few_words(column: pd.Series) -> list[str]:
    """Words that stand for a blank in a column of numbers."""
    if not is_text(column):
        return []
    present = column.dropna()
    words = present[~present.str.fullmatch(NUMBER)]
    kinds = words.unique().tolist()
    numbers = len(present) - len(words)
    if not kinds or len(kinds) > 3 or numbers < len(present) / 2 or present.nunique() - len(kinds) < 3:
        return []
    meaningless = all(re.fullmatch(MEANINGLESS, kind) for kind in kinds)
    return sorted(kinds) if meaningless else []


def _is_code(column: pd.Series) -> bool:
    """Whether numbers are names: with zeros before them, or called like a code."""
    if is_boolean(column):
        return False
    if is_text(column):
        present = column.dropna()
        return bool(present.str.fullmatch(r"[0-9]+").all() and present.str.fullmatch(PADDED).any())
    return CODE_NAME.search(str(column.name)) is not None and column.dtype.kind in "iu"


def _type(column: pd.Series) -> str:
    """What a column is to a reader: number, boolean, date or text."""
    if is_boolean(column):
        return "boolean"
    if as_numbers(column) is not None:
        return "number"
    present = column.dropna()
    if len(present) and present.str.fullmatch(BOOLEAN).all():
        return "boolean"
    return "date" if len(present) and present.str.fullmatch(DATE).mean() >= 0.8 else "text"


def _examples(column: pd.Series) -> tuple[str, ...]:
    """The commonest values, or the first ones where all differ."""
    present = column.dropna()
    if present.empty:
        return ()
    return tuple(as_names(present.drop_duplicates().head(EXAMPLES)).astype(str))


def _share_of_numbers(column: pd.Series) -> float:
    return float(column.dropna().str.fullmatch(NUMBER).mean())


def _words(column: pd.Series) -> list[str]:
    present = column.dropna()
    return present[~present.str.fullmatch(NUMBER)].head(3).tolist() or present.head(1).tolist()
