"""The trained model as a file: read only if dvc.lock vouches for it, since reading a pickle runs what it says."""

import hashlib
from pathlib import Path
from typing import Any

from pipeline.errors import CheckError
from pipeline.repository import lock

MODEL = "models/model.joblib"


def load_model() -> Any:
    """The model that `train` wrote, from models/model.joblib in the current folder.

    DVC writes the hash of what `train` made into dvc.lock before it runs the next stage, whatever the command: repro,
    also with --no-commit, and experiments, in temporary folders and from the queue as well.

    Raises:
        CheckError: the file is another than dvc.lock records: put there by hand, or brought by a remote.
    """
    import joblib

    import pipeline.models.pictures  # noqa: F401  whose steps the pickle may hold: dvc.yaml is to name it

    recorded = lock.outputs(lock.read(Path())).get(MODEL)
    with Path(MODEL).open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != recorded:
            raise CheckError(
                f"{MODEL}: its MD5 is {found}, dvc.lock records {recorded or 'none'}, so it is not unpickled;"
                f" run: dvc checkout {MODEL}, or to train it again: dvc repro --force train"
            )
        file.seek(0)
        return joblib.load(file)
