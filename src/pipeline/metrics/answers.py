"""What a model's answers are by themselves: nearly always the same, or never some class; what knowing nothing gets.

All of it is read from `per_class` of metrics.json: rows and predictions of each class.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.text import are, count

PerClass = Mapping[str, Mapping[str, Any]]
OTHERS = 0.1  # answers that are another class, over rows that are: below this the model says one thing
NAMED = 5  # classes that a sentence names


def commonest(per_class: PerClass) -> tuple[str, float]:
    """The class that most rows are, and their share: the accuracy of always answering it."""
    label = max(per_class, key=lambda name: int(per_class[name]["rows"]))
    return label, per_class[label]["rows"] / max(1, sum(of["rows"] for of in per_class.values()))


def told(per_class: PerClass) -> list[str]:
    """What a stage says of a model: its accuracy beside that of knowing nothing, and what is poor in its answers."""
    label, share = commonest(per_class)
    rows = sum(of["rows"] for of in per_class.values())
    right = sum(round(of["recall"] * of["rows"]) for of in per_class.values()) / max(1, rows)
    beside = f"accuracy {right:.4f}; always answering '{label}' would have {share:.4f}"
    return [beside, *(f"warning: {sentence}" for sentence in poverty(per_class))]


def poverty(per_class: PerClass) -> list[str]:
    """Sentences on a model that answers (nearly) always the same, or never one of the classes; empty if it does not.

    Nearly always: it names any other class in less than a tenth of the rows that are of one.
    """
    if not per_class or any(
        "predicted" not in of for of in per_class.values()
    ):  # written before predictions were counted
        return []
    rows = sum(of["rows"] for of in per_class.values())
    said = max(per_class, key=lambda name: int(per_class[name]["predicted"]))
    others, answered = rows - per_class[said]["rows"], rows - per_class[said]["predicted"]
    if others and answered < OTHERS * others:
        share = per_class[said]["rows"] / rows
        always = "for all rows" if not answered else f"for all but {answered:,} of {count(rows, 'row')}"
        return [f"it answers '{said}' {always}, and {share:.1%} of them are"]
    never = [name for name, of in per_class.items() if not of["predicted"] and of["rows"]]
    if not never:
        return []
    names = ", ".join(f"'{name}'" for name in never[:NAMED]) + (", ..." if len(never) > NAMED else "")
    missed = sum(per_class[name]["rows"] for name in never)
    return [f"it never answers {names}, which {count(missed, 'row')} {are(missed)}"]
