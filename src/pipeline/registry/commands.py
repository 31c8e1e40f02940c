"""`pipeline registry ...`: thin verbs over this room, each importing what it needs when it is called."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.text import shown

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Versions and stages of the model, as Git tags.")


@app.command("list")
def list_versions(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
) -> None:
    """Print which version is where since when, and every version with its metrics."""
    from pipeline.params import read_params
    from pipeline.registry import show, versions
    from pipeline.registry.figures import figures

    root, params = Path.cwd(), read_params()
    registry = versions.known(root, versions.name_of(root, params))
    commits = [version.commit for version in registry.versions]
    found = dict(zip(commits, figures(root, commits), strict=True))
    if as_json:
        typer.echo(json.dumps(show.to_dict(registry, found), indent=2, allow_nan=False))
    else:
        _say(show.list_lines(registry, found, params))


@app.command("history")
def history() -> None:
    """Print every step of the model's life, the newest first."""
    from pipeline.params import read_params
    from pipeline.registry import show, versions

    _say(show.history_lines(versions.known(Path.cwd(), versions.name_of(Path.cwd(), read_params()))))


@app.command("show")
def show_version(version: Annotated[str, typer.Argument(help="a version, v1.2.0, or a stage, prod")]) -> None:
    """Print one version: metrics, where it is, how to get it, and its card."""
    from pipeline.params import read_params
    from pipeline.registry import show, versions

    root, params = Path.cwd(), read_params()
    registry = versions.known(root, versions.name_of(root, params))
    _say(show.version_lines(root, registry, registry.find(version), params))


@app.command("register")
def register(
    version: Annotated[str | None, typer.Argument(help=r"v1.2.0  \[default: the next minor version]")] = None,
) -> None:
    """Make this commit a version: an annotated tag with its metrics and hashes, here and on the remote."""
    from pipeline.registry.register import register

    written = register(Path.cwd(), version)
    _say([f"{written.tag} is {written.commit[:7]}"])


@app.command("keep")
def keep(
    cloud: Annotated[bool, typer.Option("--cloud", help="make room in the DVC remote, too")] = False,
) -> None:
    """Print the `dvc gc` command that makes room and loses no released version; nothing is deleted here."""
    from pipeline.params import read_params
    from pipeline.registry import versions
    from pipeline.registry.keep import keeping

    found = keeping(Path.cwd(), versions.name_of(Path.cwd(), read_params()), cloud)
    if found.unseen:
        names = ", ".join(found.unseen)
        typer.echo(shown(f"warning: the data of {names} would go, too; check these branches out first"), err=True)
    _say([found.command])


def _say(lines: list[str]) -> None:
    """Print lines in which names from tables, parameters and Git stand."""
    for line in lines:
        typer.echo(shown(line))
