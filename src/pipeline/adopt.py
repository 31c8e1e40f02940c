"""What `pipeline adopt` does: reads a table, proposes settings, prints the page and, with a yes, takes it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.comparison import proposal
from pipeline.data.adopting import Adoption, adopt
from pipeline.data.cells import plain
from pipeline.data.sniff import sniff
from pipeline.data.tables import first_file, read_table
from pipeline.errors import InputError
from pipeline.params import Params, Read, read_params
from pipeline.repository.adopting import place_of, take
from pipeline.review.show.adoption import print_page

TREES: dict[str, Any] = {  # takes gaps and categories as they are; a good first model
    "estimator": "ensemble.HistGradientBoostingClassifier",
    "arguments": {},
    "preprocessing": [],
    "calibration": None,
}
OF_TEXT = TREES | {  # learns from thousands of words, of which a row has few; the scaler is for the numbers beside them
    "estimator": "linear_model.LogisticRegression",
    "arguments": {"C": 100, "max_iter": 1000},
    "preprocessing": ["preprocessing.StandardScaler"],
}
PERCENTS = ("accuracy", "balanced_accuracy", "macro_f1", "top_2_accuracy")


def adopt_table(root: Path, file: Path, target: str, agreed: Callable[[], bool]) -> list[str]:
    """Print what was understood of the table; if that is `agreed`, take it. Returns what was done, a line each.

    Raises:
        InputError: the table cannot be read, has no such target, or a person must decide something first: all at once.
    """
    if not file.exists():
        raise InputError(f"{file}: there is no such file or folder; correct the path")
    params = read_params(root / "params.yaml")
    place = str(place_of(root, file))
    chosen = params.data.model_dump(mode="json", exclude_unset=True) if params.data.path == place else {}
    sniffed = sniff(first_file(file))
    options = sniffed.options | dict(chosen.pop("read", {}))
    as_written = [*sniffed.padded, *(name for name in (chosen.get("id"), chosen.get("group")) if name)]
    table = plain(read_table(file, as_written, Read.model_validate(options)))
    found = adopt(table, target, chosen)
    sections = settings(found, place, options, params)
    print_page(found, str(file), options, sniffed.doubts, in_words(sections))
    if found.undecided:
        raise InputError(f"to decide before it can be taken: {'; '.join(found.undecided)}")
    if not agreed():
        return []
    package = sections["package"]
    return [*take(root, file, sections, {"name": package["name"], "desc": package["purpose"]}), "next: dvc repro"]


def settings(found: Adoption, place: str, options: dict[str, Any], params: Params) -> dict[str, Any]:
    """What params.yaml is to say. A table that is adopted already keeps its gate, its metrics and its package."""
    data = dict(found.data)
    read = dict(options)
    if words := data.pop("read", {}).get("na_values"):
        read["na_values"] = {**read.get("na_values", {}), **words}
    if read:
        data["read"] = read
    without: dict[str, Any] = dict.fromkeys(("id", "group", "split_column", "image")) | {"drop": [], "categorical": []}
    without |= {key: {} for key in ("categories", "dates", "text", "read") if key in params.data.model_fields_set}
    shown = params.data.path == place and params.data.show_rows  # Git keeps what reports show for ever
    data = {"path": place, "target": found.data["target"]} | without | data | {"show_rows": shown}
    if params.data.path == place:
        return {
            "data": data,
            "review": {},
            "gate": [rule.model_dump(exclude_none=True) for rule in params.gate],
            "package": {"name": params.package.name, "purpose": params.package.purpose},
        }
    rows = max(1, round(found.rows * params.prepare.test_size))
    tolerance = proposal.tolerance(rows)
    metrics: dict[str, dict[str, Any]] = {
        name: {"tolerance": tolerance} for name in params.review.metrics if name in PERCENTS
    }
    if found.primary not in params.review.metrics:
        metrics[found.primary] = {"better": "higher", "tolerance": tolerance}
    rarest = min(found.classes.values(), default=1) / max(1, sum(found.classes.values()))
    name = re.sub(r"[^a-z0-9]+", "-", Path(place).name.partition(".")[0].lower()).strip("-") or "model"
    divided = {"prepare": {"split": {"by": found.moment} if found.moment else None}}
    return {
        **(divided if found.moment or params.prepare.split else {}),
        "data": data,
        "train": OF_TEXT if data.get("text") else TREES,
        "evaluate": {"slices": {}},
        "review": {"primary": found.primary, "metrics": metrics},
        "gate": proposal.gate(rows, found.primary, len(found.classes), rarest),
        "package": {"name": name, "purpose": f"Predicts {found.data['target']} of a row of {Path(place).name}."},
    }


def in_words(sections: dict[str, Any]) -> str:
    """The settings that are not empty, a line each."""
    lines = [
        f"data.{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in sections["data"].items()
        if value not in (None, [], {})
    ]
    if by := sections.get("prepare", {}).get("split"):
        lines.append(f"prepare.split: {json.dumps(by, ensure_ascii=False)}")
    if primary := sections["review"].get("primary"):
        lines += [f"train.estimator: {sections['train']['estimator']}", f"review.primary: {primary}"]
    for rule in sections["gate"] if primary else ():
        bound = next(key for key in ("minimum", "maximum", "regression") if key in rule)
        lines.append(f"gate: {rule['metric']}, {bound} {rule[bound]:,}, {rule['action']}")
    return "\n".join(lines)
