"""`dvc pull` that looks before it writes: `python -P -m pipeline.repository.bring [TARGET...]`.

The lists of folders come first and are looked at (`repository.listing`), then the files into the cache, then what they
are into the workspace. Without targets, what is missing is left out. CI pulls so, and so does a review.
"""

import sys
from collections import defaultdict
from typing import Any

from pipeline.errors import PipelineError, ResourceError, run
from pipeline.repository import listing
from pipeline.repository.dvc import open_repository


def bring(targets: list[str]) -> int:
    """Fetch and check out; how many files were fetched.

    Raises:
        CheckError: a folder's list leads out of it. Nothing of it was written.
        InputError: a target is not to be had, or is none.
        ResourceError: the remote cannot be asked.
    """
    with open_repository() as repo:
        _fetch_lists(repo)
        listing.refuse(repo)
        try:
            fetched: int = repo.fetch(targets or None)
        except Exception as error:  # as below
            raise _unreachable(error) from None
        listing.refuse(repo)  # of imports, whose lists come from their sources
        repo.checkout(targets or None, allow_missing=not targets)
        return fetched


def _fetch_lists(repo: Any) -> None:
    """Only the lists, of all folders; a list that the remote lacks cannot lead anywhere."""
    wanted = defaultdict(set)
    for out, stored in listing.lists(repo):
        if not stored.exists() and not out.stage.is_import:
            wanted[out.remote, out.hash_name].add(out.hash_info.value)
    if not repo.config["remote"]:
        return
    failed: list[BaseException] = []
    for (remote, hash_name), lists in wanted.items():
        try:
            place = repo.cloud.get_remote(remote)
            if place.worktree or place.fs.version_aware:
                continue  # has no lists: the .dvc file names each file, and `repository.trust` has read it
            source = repo.cloud.get_remote_odb(remote, hash_name=hash_name)
            cache = repo.cache.local if hash_name == "md5" else repo.cache.legacy
            paths = [source.oid_to_path(md5) for md5 in lists]
            cache.add(paths, source.fs, list(lists), verify=True, on_error=lambda _, problem: failed.append(problem))
        except Exception as error:  # every kind of remote has exceptions of its own
            raise _unreachable(error) from None
    if problem := next((problem for problem in failed if not isinstance(problem, FileNotFoundError)), None):
        raise _unreachable(problem)


def _unreachable(error: BaseException) -> PipelineError:
    if isinstance(error, PipelineError):
        return error
    return ResourceError(f"the remote cannot be asked: {error or type(error).__name__}")


def main() -> None:
    """Bring what the command line names."""
    sys.stdout.write(f"{bring(sys.argv[1:])} files fetched\n")


if __name__ == "__main__":
    run(main)
