"""What becomes of a table that nobody has described yet: each column's part, what is noticed, and what is proposed.

Nothing here is decided for good: a proposal is a set of lines of params.yaml, which the person sees before it is used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.data import date_format, dates, noticing, profile
from pipeline.data.cells import BOOLEAN, DATE, NUMBER, as_names, as_numbers, is_boolean, is_text
from pipeline.data.dataset import MAX_CATEGORIES, Finding, names_rows, problem_of, read_labels
from pipeline.data.split import row_hashes
from pipeline.data.validate import closest
from pipeline.errors import InputError
from pipeline.text import count, have

EXAMPLES = 3  # cells shown of a column
BALANCED, RARE = 0.6, 0.9  # share of the commonest class up to which accuracy, or balanced accuracy, says most
MOMENTS = 20  # different dates from which on rows may be divided by them
BIRTHDAY = re.compile(r"(?i)birth|born|dob|geb")
WORDS = 3  # in half of the cells from which on different texts are sentences; fewer are names
TERMS = {"max_features": 2000, "ngram_range": [1, 2]}
PEOPLE = 20  # values of a column called like an id from which on its rows are taken as people's or devices'
FEW_CLASSES = 10  # up to which a category becomes the shares of the classes in it; else only the frequent ones count
MEANINGLESS = r"\W*|(?i:none|unknown|missing|nil|n\.?a\.?|unbekannt)"  # a word that stands for a blank
NO_DATE = rf"{MEANINGLESS}|0000[-/.]00[-/.]00.*|00[-/.]00[-/.]0000.*"


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
    class. `moment`: the column of dates by which rows may be divided. `undecided`: what a person must decide before the
    pipeline can run.
    """

    rows: int
    columns: tuple[Column, ...]
    notices: tuple[Notice, ...]
    data: dict[str, Any]
    classes: dict[str, int]
    blank: int
    primary: str
    moment: str | None = None
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
    text: dict[str, Any] = field(default_factory=dict)
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
    types = {"categories": found.categories, "dates": found.dates, "text": found.text}
    data |= {key: how for key, how in types.items() if how}
    for key, value in chosen.items():
        if value not in (None, [], {}):
            data[key] = _both(value, data.get(key))
    if found.na_values:
        data["read"] = {"na_values": found.na_values}
    order = {name: place for place, name in enumerate(table.columns)}
    columns.sort(key=lambda column: order[column.name])
    shares = sorted(classes.values(), reverse=True)
    common = shares[0] / sum(shares) if shares else 0.0
    primary = "accuracy" if common <= BALANCED else "balanced_accuracy" if common <= RARE else "average_precision"
    moment = None if "split_column" in data else _moment(table, list(data.get("dates", ())))
    if moment:
        message = "the latest rows are to judge the model, as the rows to come will"
        found.notices.append(Notice(moment, message, f"prepare.split: {{by: {moment}}}"))
    return Adoption(
        len(table), tuple(columns), tuple(found.notices), data, classes, blank, primary, moment, tuple(found.undecided)
    )


def _moment(table: pd.DataFrame, dated: list[str]) -> str | None:
    """The first column of dates that may say when a row came about: no gaps, many days, and nobody's birthday."""
    for name in dated:
        if not table[name].hasnans and table[name].nunique() >= MOMENTS and not BIRTHDAY.search(name):
            return name
    return None


def _both(chosen: Any, found: Any) -> Any:
    """What a person chose, and of a list or a mapping what was found besides."""
    if isinstance(chosen, list) and isinstance(found, list):
        return [*chosen, *(value for value in found if value not in chosen)]
    return {**found, **chosen} if isinstance(chosen, dict) and isinstance(found, dict) else chosen


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
            f"column '{target.name}': {blank} of {len(target)} rows {have(blank)} no class; take those rows out, or "
            "fill them"
        )
    if present.empty:
        return None, {}, blank
    found.notices += map(_notice, noticing.of_target(present))
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
            Notice(
                str(target.name),
                f"{count(len(few), 'class')} {have(len(few))} fewer than 10 rows ({some}): put rare ones together",
            )
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
    if names_rows(column) or noticing.number_of_rows(column):
        found.notices.append(Notice(name, "every row has a value of its own: it names the rows", f"data.id: {name}"))
        if "id" not in found.roles:
            found.roles["id"] = name
            return row("the id of a row")
        found.lists["drop"].append(name)
        return row("left out: a second id")
    person = noticing.comes_back(column)
    if person and PEOPLE <= column.nunique() <= 0.9 * len(column):
        found.notices.append(_notice(person))
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
    if noticing.is_code(column):
        if column.nunique() > MAX_CATEGORIES:
            return row(_many(column, found))
        found.notices += map(_notice, noticing.of_feature(column))
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
    if problem == "free text" and column.dropna().str.count(r"\S+").median() >= WORDS:
        found.text[name] = dict(TERMS)
        message = f"free text, {column.nunique()} different ones in {count(int(column.count()), 'row')}"
        found.notices.append(Notice(name, message, f"data.text: {{{name}: {_line(TERMS)}}}"))
        return "free text: its frequent words and pairs of words"
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
    message = f"dates, {date_format.write(days.min(), '')} to {date_format.write(days.max(), '')}"
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
    if isinstance(how, list):
        return f"[{', '.join(map(str, how))}]"
    return f"'{how}'" if isinstance(how, str) else str(how)


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
    found.notices += map(_notice, noticing.of_feature(column))
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
        found.notices.append(_notice(finding))
    found.notices += map(_notice, noticing.blank_gives_away(table[names], labels))


def _notice(finding: Finding) -> Notice:
    return Notice(finding.column, finding.told(), finding.setting)


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
