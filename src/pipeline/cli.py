"""The `pipeline` command: a thin list of verbs over the rooms beside it, each imported when it is called."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from pipeline import errors
from pipeline.registry import commands as registry
from pipeline.repository.environment import leave_git_hook
from pipeline.text import shown

if TYPE_CHECKING:
    from pipeline.params import Seeds

# The commands by what one wants to do, as `pipeline --help` lists them.
BEGIN, LOOK, REVIEW = "Begin: your table, your settings", "Look at the result", "Judge a change"
RELEASE, RUN = "Release a model", "Run and watch it"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train with `dvc repro`; look at, prove, compare and mirror the result with these.",
)
app.add_typer(registry.app, name="registry", rich_help_panel=RELEASE)


@app.command(rich_help_panel=BEGIN)
def adopt(
    file: Annotated[Path, typer.Argument(help="your table: CSV in any dialect, Excel, Parquet, or a folder of them")],
    target: Annotated[str, typer.Option(help="the column to predict")],
    yes: Annotated[
        bool, typer.Option("--yes", help="take it: dvc add, params.yaml, dvc.yaml; else nothing is written")
    ] = False,
) -> None:
    """Read your own table, print what was understood and proposed on one page and, with a yes, take it."""
    from pipeline.adopt import adopt_table

    def agreed() -> bool:
        return yes or (sys.stdin.isatty() and typer.confirm("\ntake it?"))

    for line in adopt_table(Path.cwd(), file, target, agreed) or ["nothing was written; with --yes it is taken"]:
        typer.echo(line)


@app.command(rich_help_panel=BEGIN)
def use(
    file: Annotated[Path, typer.Argument(help="sections of params.yaml, such as docs/mnist/best.yaml")],
    set_param: Annotated[
        list[str] | None,
        typer.Option("--set-param", "-S", metavar="KEY=VALUE", help="beside it, as for dvc exp run: train.epochs=50"),
    ] = None,
) -> None:
    """Take the settings of a file into params.yaml, whose comments stay, and name the model by them in dvc.yaml."""
    from pipeline.use import use_settings

    for line in use_settings(Path.cwd(), file, set_param or []):
        say(line)


@app.command(rich_help_panel=LOOK)
def metrics() -> None:
    """Print the metrics of the last `dvc repro` as a short table, with their intervals."""
    from pipeline.review.show.metrics import print_metrics

    print_metrics()


@app.command(rich_help_panel=BEGIN)
def schema(check: Annotated[bool, typer.Option("--check", help="only say whether it is current")] = False) -> None:
    """Write params.schema.json, with which editors complete and check params.yaml."""
    from pipeline.files import read_json, write_json
    from pipeline.params import json_schema

    path = Path("params.schema.json")
    if not check:
        write_json(path, json_schema())
    elif not path.exists() or read_json(path) != json_schema():
        raise errors.CheckError(f"{path} is not what src/pipeline/params.py says; run: pipeline schema")


@app.command(rich_help_panel=LOOK)
def verify(
    remote: Annotated[bool, typer.Option("--remote", help="also: every output is in the DVC remote")] = False,
    reproduce: Annotated[bool, typer.Option("--reproduce", help="also: a run from nothing gives the same")] = False,
    equivalent: Annotated[
        bool,
        typer.Option(
            "--equivalent", help="that run may give other bytes, but the same labels and nearly the same numbers"
        ),
    ] = False,
) -> None:
    """Say whether dvc.lock is current, and metrics and data are whole; exit 1 with a list of what is not."""
    from functools import partial

    from pipeline.repository import contents
    from pipeline.repository import verify as verifying
    from pipeline.repository.reproduce import is_reproduced

    checks = [verifying.lock_is_current, verifying.metrics_are_finite]
    checks += [contents.contents_are_recorded, contents.imports_are_named]
    checks += [verifying.imports_are_current] if verifying.imports() else []
    checks += [verifying.outputs_are_in_remote] if remote else []
    checks += [partial(is_reproduced, equivalent and not reproduce)] if reproduce or equivalent else []
    failed = False
    for check in checks:
        fact = check()  # told at once: a later check may take minutes, or find no remote
        say(f"{'no' if fact.problems else 'warning' if fact.doubts else 'ok'}: {fact.statement}")
        for problem in [*fact.problems, *fact.doubts]:
            say(f"  {problem}")
        failed = failed or bool(fact.problems)
    raise typer.Exit(failed)


@app.command(rich_help_panel=REVIEW)
def report(
    base: Annotated[str | None, typer.Option(help="compare with this  \\[default: where the branch began]")] = None,
    head: Annotated[str | None, typer.Option(help="judge this revision  \\[default: the workspace]")] = None,
    out: Annotated[Path, typer.Option(help="folder for report.md, report.html and report.json")] = Path("report"),
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="further seeds to train both with; auto: what a minute allows"),
    ] = None,
) -> None:
    """Say whether the change made the model better, worse or neither, and why; exit 1 if the gate does not allow it."""
    from pipeline.review.assemble import write_report
    from pipeline.review.show.words import lines

    found = write_report(Path.cwd(), base, head, None if seeds is None else _seeds(seeds), out)
    for line in [*lines(found), f"{out / 'report.html'}"]:
        say(line)
    if found.failures:
        raise errors.CheckError(f"not allowed: {'; '.join(found.failures)}")


def _seeds(text: str) -> "Seeds":
    """The number of `--seeds`, or auto."""
    from pipeline.params import MOST_SEEDS

    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) > MOST_SEEDS:
        raise errors.InputError(f"--seeds {text}: give a number of 0 to {MOST_SEEDS}, or auto")
    return int(text)


@app.command(rich_help_panel=RELEASE)
def promote(
    version: Annotated[str | None, typer.Argument(help=r"v1.2.0  \[default: this commit, registered first]")] = None,
    stage: Annotated[str, typer.Option(help="where to")] = "prod",
    force: Annotated[bool, typer.Option("--force", help="also if the comparison does not allow it")] = False,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="why it is forced; recorded in the tag")] = None,
) -> None:
    """Put a version to a stage if it is not worse than what stands there; exit 1, with the reason, if it may be."""
    from pipeline.registry.promote import promote
    from pipeline.tracking.promotion import told

    if force != bool(why and why.strip()):
        raise errors.InputError("--force and --why TEXT go together: who looks at it later wants to know why")
    done = promote(Path.cwd(), version, stage, why)
    for line in [f"{done.tag.tag}: {done.version} is at {stage}", done.why, *told(Path.cwd(), done.tag, done.version)]:
        say(line)


@app.command(rich_help_panel=RELEASE)
def rollback(
    stage: Annotated[str, typer.Option(help="where")] = "prod",
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="why; recorded in the tag")] = None,
) -> None:
    """Put back the version that stood at a stage before; nothing is compared, since what stands there is broken."""
    from pipeline.registry.promote import rollback
    from pipeline.tracking.promotion import told

    done = rollback(Path.cwd(), stage, why)
    for line in [f"{done.tag.tag}: {done.why}", *told(Path.cwd(), done.tag, done.version)]:
        say(line)


@app.command(rich_help_panel=LOOK)
def trend(
    revision: Annotated[str | None, typer.Argument(help=r"a branch or commit  \[default: main]")] = None,
    last: Annotated[int, typer.Option(min=1, help="look at so many commits that touched the results")] = 200,
    html: Annotated[Path | None, typer.Option(help="also write a page, with a chart of each metric")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
) -> None:
    """Print the metrics of main over commits and releases, and which steps were better, worse or not told apart."""
    import json

    from pipeline.files import replacing
    from pipeline.params import read_params
    from pipeline.registry import trend_lines
    from pipeline.registry.trend import to_dict
    from pipeline.registry.trend import trend as read_trend
    from pipeline.registry.trend_page import to_html

    params = read_params()
    found = read_trend(Path.cwd(), params, revision, last)
    if html:
        with replacing(html) as new:
            new.write_text(to_html(found, params.review.metrics), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(to_dict(found), indent=2, allow_nan=False))
        return
    for line in trend_lines.lines(found, params.review.metrics[params.review.primary]):
        say(line)


class _Mirror(TyperCommand):
    """`--wait` alone is `--wait 120`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        following = [*args[1:], ""]
        alone = ["--wait=120" if a == "--wait" and not b[:1].isdigit() else a for a, b in zip(args, following)]  # noqa: B905
        return super().parse_args(ctx, alone)


@app.command(cls=_Mirror, rich_help_panel=RUN)
def mirror(
    folders: Annotated[list[Path] | None, typer.Argument(help="DVCLive folders  \\[default: the workspace's]")] = None,
    rev: Annotated[str | None, typer.Option(help="a commit, a range A..B or an experiment instead")] = None,
    wait: Annotated[
        float | None, typer.Option(min=1, metavar="[SECONDS]", help="also wait for running mirrors; end within \\[120]")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="only list what is mirrored where")] = False,
) -> None:
    """Show the records on W&B: what no process beside a stage has mirrored yet, once."""
    from pipeline.tracking import mirror as mirroring

    if status and rev:
        raise errors.InputError("--status lists what is mirrored of every revision; leave --rev out")
    found = mirroring.status(folders or []) if status else mirroring.mirror(folders or [], rev, wait)
    for entry in found:
        where = " ".join(filter(None, (entry.target, entry.problem and f"({entry.problem})")))
        say(f"{entry.state:<10} {entry.recording.stage:<12} {entry.recording.group:<24} {where}")
    if not found:
        say("nothing is mirrored" if status else "nothing to mirror, or WANDB_MODE=disabled")


@app.command(rich_help_panel=REVIEW)
def compare(
    base: Annotated[Path, typer.Argument(help="predictions of what stands: CSV or Parquet")],
    head: Annotated[Path, typer.Argument(help="predictions of what is proposed, for the same rows")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
    primary: Annotated[str, typer.Option(help="the metric of the headline")] = "accuracy",
    confidence: Annotated[float, typer.Option(help="confidence of the intervals")] = 0.95,
    group: Annotated[
        str | None, typer.Option(help=r"column that rows of one person or device share  \[default: group, if there]")
    ] = None,
) -> None:
    """Compare two tables of predictions by key.

    Columns: key, truth, prediction, proba_<class> if there are, and group if rows belong together.
    """
    from pipeline.comparison.align import GROUP, NAMES
    from pipeline.comparison.compare import compare
    from pipeline.data.tables import read_table
    from pipeline.review.show import terminal

    names = (*NAMES, group or GROUP)
    tables = read_table(base, names), read_table(head, names)
    try:
        found = compare(*tables, primary=primary, confidence=confidence, group=group)
    except errors.InputError as error:
        files, side = {"base": base, "head": head}, str(error).partition(":")[0]
        raise errors.InputError(f"{files[side]}, {error}" if side in files else str(error)) from None
    if not found.n:
        why = "; ".join(filter(None, (found.headline.reason, *found.notes)))
        raise errors.InputError(f"nothing to compare in {base} and {head}: {why}")
    (terminal.print_json if as_json else terminal.print_table)(found)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    rich_help_panel=RUN,
)
def serve(context: typer.Context) -> None:
    """Answer rows over HTTP from the package; `pipeline serve --help` lists the options of the service."""
    from pipeline.serving.__main__ import main

    main(context.args)


def say(line: str) -> None:
    """Print a line, in which names from tables, parameters and Git stand."""
    typer.echo(shown(line))


def main() -> None:
    """Run the command line; expected failures become one message and their exit code."""
    leave_git_hook()
    errors.run(typer.main.get_command(app))  # calling `app` itself would put Typer's own exception hook in place
