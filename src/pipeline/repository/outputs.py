"""Puts a stage's last good outputs back when it fails: DVC deletes them before it runs the stage."""

import logging
import subprocess
from pathlib import Path
from typing import Any

from pipeline.errors import ResourceError


def restore(stage: str) -> None:
    """Bring back the outputs of `stage` that dvc.lock in the current folder names, from the DVC cache.

    Metrics and plots are there too, although they are Git's: DVC keeps a copy for its run-cache. In a fresh clone
    they are only in Git. What is nowhere, and what the stage has never made, stays away.

    Raises:
        ResourceError: something could not be put back.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    try:
        with Repo(str(Path.cwd())) as repo:
            # Output by output, because `dvc checkout` would wait for the locks that DVC holds while the stage runs.
            for out in repo.stage.get_target(stage).outs:
                _restore(repo, out)
    except (DvcException, OSError) as error:
        raise ResourceError(f"the last outputs are not back ({error}); run: dvc checkout") from None


def _restore(repo: Any, out: Any) -> None:
    if not out.hash_info:
        return
    if not out.cache.exists(out.hash_info.value):
        subprocess.run(["git", "restore", "--", out.def_path], capture_output=True, check=False)
        return
    if not out.use_cache:
        out.use_cache = True
        repo.cache.local.cache_types = ["copy"]  # a link into the cache would be no file of Git's
    out.checkout(force=True, allow_missing=True)
