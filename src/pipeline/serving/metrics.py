"""What Prometheus asks for. With several workers they are summed through files in PROMETHEUS_MULTIPROC_DIR."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from pipeline.data.schema import Label
from pipeline.serving.refusal import STATUS

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client looks at it when it is imported
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PATHS = ("/predict", "/invocations")


class Metrics:
    """The counters of one worker."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the page
        self.of_several = FOLDER in os.environ
        self.registry = registry = CollectorRegistry()
        seconds = Histogram(
            "serving_request_seconds", "from arrival to answer", ["path"], buckets=SECONDS, registry=registry
        )
        self.seconds = {path: seconds.labels(path) for path in PATHS}
        self._rows = Counter("serving_rows", "rows answered", registry=registry)
        refusals = Counter("serving_refusals", "requests not answered, by reason", ["reason"], registry=registry)
        self.refusals = {reason: refusals.labels(reason) for reason in STATUS}
        self._predictions = Counter("serving_predictions", "rows answered, by class", ["label"], registry=registry)
        self._unseen = Counter(
            "serving_unseen_cells", "cells that training did not see the like of", ["column", "kind"], registry=registry
        )
        self._reloads = Counter("serving_reloads", "packages loaded while serving", ["result"], registry=registry)
        self._samples = Counter("serving_samples", "rows for the sample", ["result"], registry=registry)
        self._model = Gauge(
            "serving_model", "1 if this version answers", ["version"], registry=registry, multiprocess_mode="livemax"
        )
        self._of_label: dict[Label, Any] = {}
        if not self.of_several:
            ProcessCollector(registry=registry)

    def waiting(self, count: Callable[[], int]) -> None:
        """Show how many requests are not yet answered; of one worker, since what several say is not asked for."""
        if not self.of_several:
            Gauge("serving_waiting", "requests not yet answered", registry=self.registry).set_function(count)

    def answered(self, labels: Sequence[Label], marked: Mapping[tuple[str, str], int] | None) -> None:
        """Count rows, by class, and cells that training did not see."""
        self._rows.inc(len(labels))
        for label in labels if len(labels) == 1 else set(labels):
            if label not in self._of_label:
                self._of_label[label] = self._predictions.labels(str(label))
            self._of_label[label].inc(1 if len(labels) == 1 else labels.count(label))
        for (column, kind), count in (marked or {}).items():
            self._unseen.labels(column, kind).inc(count)

    def model(self, version: str, before: str | None = None) -> None:
        """Say which version answers from now on."""
        if before is not None and before != version:
            self._model.labels(before).set(0)
        self._model.labels(version).set(1)

    def reloaded(self, well: bool) -> None:
        """Count a package that was loaded, or refused."""
        self._reloads.labels("loaded" if well else "refused").inc()

    def sampled(self, kept: bool, rows: int) -> None:
        """Count rows written to the sample, or left out of it."""
        self._samples.labels("kept" if kept else "dropped").inc(rows)

    def text(self) -> bytes:
        """All of it in Prometheus' format."""
        registry = self.registry
        if self.of_several:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        found: bytes = generate_latest(registry)
        return found
