"""The process that sends kept recordings to W&B: `python -m pipeline.tracking.push ROOT RUN_ID...`.

`pipeline.tracking.mirror` starts it and ends it when its time is over; what it did stands in the ledger.
"""

import os
import sys
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.tracking import settings
from pipeline.tracking.ledger import PENDING, Entry, Ledger
from pipeline.tracking.recording import Source, tracking
from pipeline.tracking.records import History


def push(root: Path, entry: Entry, ledger: Ledger) -> None:
    """Send one recording and note where it is.

    Raises:
        PipelineError: why it could not be sent; it stays pending.
    """
    from pipeline.tracking.wandb_run import WandbRun

    recording, bundle = entry.recording, ledger.bundle(entry.recording.run_id)
    run = WandbRun(recording, root, settings.mode(), tracking(Source.params_of(root)))
    entry.server, entry.target = run.server, run.target
    history = History(bundle.records)
    history.read()
    for batch in bundle.noted():  # an earlier attempt sent rows: the same ones again, so that they replace themselves
        run.log(history.replay(batch))
    run.log(history.rows(final=True)[0])
    run.complete(recording, bundle)
    run.finish(recording.exit_code)
    ledger.mirrored(entry, run.note, run.partial)


def main(root: Path, ids: list[str]) -> None:
    """Send recordings in order; the first failure is every later one's too."""
    ledger = Ledger(root)
    entries = {entry.recording.run_id: entry for entry in ledger.entries()}
    problem = ""
    for name in ids:
        try:
            if not problem:
                push(root, entries[name], ledger)
        except PipelineError as error:
            problem = str(error)
        except Exception as error:  # W&B's client raises many kinds
            problem = f"W&B: {type(error).__name__}: {error}".splitlines()[0]
        if problem:
            entries[name].state, entries[name].problem = PENDING, problem
            ledger.write(entries[name])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.flush()
    os._exit(0)  # W&B's client would wait again in its exit handlers
