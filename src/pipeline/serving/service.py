"""Answers bodies: what the routes call, and what a package loaded later changes."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from pipeline.errors import InputError, PipelineError
from pipeline.serving import arrow, invocations
from pipeline.serving.active import Active, answer, load
from pipeline.serving.log import log
from pipeline.serving.metrics import Metrics
from pipeline.serving.model import Answer
from pipeline.serving.refusal import RefusalError
from pipeline.serving.request import Asked
from pipeline.serving.sample import Sample
from pipeline.serving.settings import Settings

Form = Literal["json", "arrow", "mlflow"]


@dataclass(frozen=True)
class Reply:
    """An answer, and what it was made of."""

    content: bytes
    active: Active
    asked: Asked
    answer: Answer


class Service:
    """The package that answers, its metrics, and where rows are written."""

    def __init__(self, settings: Settings) -> None:
        """Load the packages.

        Raises:
            PipelineError: one is not there, is not whole, or does not answer.
        """
        self.settings = settings
        self.active = load(settings.package, settings)
        shadow = self._load_shadow(self.active)
        self.metrics = Metrics()
        self.metrics.model(self.active.model.version)
        self.sample = Sample(settings, shadow, self.metrics) if settings.sample else None
        self.refused: str | None = None  # the version that was last refused

    def reply(self, form: Form, body: bytes) -> Reply:
        """The answer to a body. It may run in a thread: the package stays the same from its first line to its last.

        Raises:
            RefusalError: the body cannot be answered.
        """
        active = self.active
        if form == "mlflow":
            asked = invocations.read(body, active.reader)
        elif form == "arrow":
            asked = active.reader.convert(arrow.columns(body))
        else:
            asked = active.reader.read(body)
        found = active.model.predict(asked.taken.feed)
        if form == "mlflow":
            content = invocations.answer(active.model, found)
        else:
            content = answer(asked.form, active.model, asked, found)
        return Reply(msgspec.json.encode(content), active, asked, found)

    def note(self, reply: Reply, request_id: str) -> None:
        """Count an answer and offer it to the sample."""
        self.metrics.answered(reply.answer.labels.tolist(), reply.asked.taken.marked)
        if self.sample:
            self.sample.offer(reply.active.model, reply.asked, reply.answer, request_id)

    def note_refusal(self, refusal: RefusalError) -> None:
        """Count a refusal by its reason."""
        self.metrics.refusals[refusal.reason].inc()

    def reload(self) -> bool:
        """Load the packages that are there now; a broken one is refused, and the old one goes on."""
        before = self.active.model.version
        try:
            new = load(self.settings.package, self.settings)
            shadow = self._load_shadow(new)
        except (PipelineError, OSError) as error:
            self.metrics.reloaded(False)
            log("reload refused", version=before, why=str(error))
            return False
        self.active = new
        if self.sample:
            self.sample.shadow = shadow
        self.metrics.model(new.model.version, before)
        self.metrics.reloaded(True)
        log("reloaded", version=new.model.version, before=before)
        return True

    def _load_shadow(self, first: Active) -> Active | None:
        if self.settings.shadow is None:
            return None
        shadow = load(self.settings.shadow, self.settings)
        if absent := sorted(set(shadow.model.schema.names) - set(first.model.schema.names)):
            raise InputError(
                f"{self.settings.shadow}: takes columns that {self.settings.package} does not: {', '.join(absent[:10])}"
            )
        return shadow
