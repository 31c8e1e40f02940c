"""What must hold before a commit may become a version, or a version may be promoted; every refusal says why."""

from pathlib import Path

from pipeline.comparison import formats
from pipeline.errors import CheckError, InputError, ResourceError
from pipeline.params import Params
from pipeline.registry.figures import PACKAGE, artifacts, package_hash
from pipeline.registry.versions import SEMVER, Registry, Version
from pipeline.repository import sides
from pipeline.repository.dvc import missing_in_remote
from pipeline.repository.git import GitError, git
from pipeline.repository.revisions import text_at


def demand_identity(root: Path) -> None:
    """Git knows who writes the tag.

    Raises:
        ResourceError: it does not, as in CI.
    """
    try:
        git(root, "var", "GIT_COMMITTER_IDENT")
    except GitError:
        raise ResourceError(
            "Git does not know who you are, and a tag says who made it: git config user.name NAME,"
            " git config user.email ADDRESS (in CI: GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL)"
        ) from None


def demand_artifact(root: Path, commit: str, params: Params) -> None:
    """dvc.yaml names the model, so that `dvc artifacts get` finds it.

    Raises:
        InputError: it does not, or calls another folder by that name.
    """
    named = artifacts(text_at(root, commit, "dvc.yaml"))
    name = params.package.name
    if name not in named:
        there = f"it has {formats.some(list(named))}" if named else "it has none"
        raise InputError(
            f"dvc.yaml names no artifact '{name}' (package.name of params.yaml); {there};"
            f" write below artifacts:  {name}: {{path: {PACKAGE}, type: model}}"
        )
    if named[name] != PACKAGE:
        raise InputError(f"dvc.yaml, artifacts.{name}: its path is {named[name]}; what is released is {PACKAGE}")


def demand_free(registry: Registry, version: str) -> None:
    """A version is one, and no commit has it or had it.

    Raises:
        InputError: it is not.
    """
    if not SEMVER.fullmatch(version):
        raise InputError(f"'{version}' is no version; give one such as v1.2.0")
    if had := next((tag for tag in registry.steps if tag.version == version), None):
        raise InputError(f"{version} is {had.commit[:7]} since {had.when[:10]}, and stays it; give another, or none")


def demand_ready(root: Path, registry: Registry, commit: str) -> None:
    """The workspace's commit can become a version.

    Raises:
        CheckError: all the reasons why it cannot.
        ResourceError: the DVC remote cannot be asked.
    """
    problems = []
    if changed := git(root, "status", "--porcelain", "--untracked-files=no", "--", ".").splitlines():
        names = formats.some([line[3:] for line in changed])
        problems.append(f"{names} differ{'s' if len(changed) == 1 else ''} from the commit; commit, or git restore")
    if version := registry.of(commit):
        problems.append(f"the commit is {version.version} already")
    if stale := sides.stale_stages(root):
        problems.append(f"dvc.lock is not of these files: {formats.some(stale, between='; ')}")
    problems += package_problems(root, commit)
    if problems:
        raise CheckError(f"{commit[:7]} cannot become a version: {'; '.join(problems)}")


def demand_package(root: Path, version: Version) -> None:
    """Everybody can get a version's package.

    Raises:
        CheckError: it is not in the remote.
        ResourceError: the remote cannot be asked.
    """
    if problems := package_problems(root, version.commit):
        raise CheckError(f"{version.version}: {'; '.join(problems)}")


def package_problems(root: Path, commit: str) -> list[str]:
    """What speaks against the package of a commit: it is not recorded, or not, or not all of it, in the remote."""
    md5 = package_hash(text_at(root, commit, "dvc.lock"))
    if md5 is None:
        return [f"its dvc.lock records no {PACKAGE}; run: dvc repro"]
    missing = missing_in_remote(root, PACKAGE, md5)
    return [f"{formats.some(missing)} is not in the remote; run: dvc push"] if missing else []
