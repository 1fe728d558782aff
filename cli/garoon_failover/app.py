"""The command line: what each command is called and takes. What it does is imported when it is called.

So `--help`, a typing error and the shell's completion wait for nothing of AWS's (the bench measures that).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from garoon_failover import session
from garoon_failover.words import LANGUAGE_VARIABLE, choose, tr

app = typer.Typer(
    name="garoon-failover",
    help="Finds a Garoon installation on AWS, checks it, shows it, moves the active role and proves that it works.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Answer(StrEnum):
    YES = "yes"
    NO = "no"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("garoon-failover"))
        except PackageNotFoundError:
            typer.echo("not installed: run from a clone")
        raise typer.Exit


def _language(wanted: Optional[str]) -> Optional[str]:
    if wanted not in (None, "en", "ja"):
        raise typer.BadParameter("en or ja")
    return wanted


@app.callback()
def options(
    profile: Annotated[Optional[str], typer.Option(help="The profile in ~/.aws to use.")] = None,
    region: Annotated[Optional[str], typer.Option(help="The region, such as ap-northeast-1.")] = None,
    stack: Annotated[
        Optional[str],
        typer.Option(
            envvar=session.STACK_VARIABLE, help="The stack's name; else samconfig.toml's, or garoon-failover."
        ),
    ] = None,
    language: Annotated[
        Optional[str],
        typer.Option(
            envvar=LANGUAGE_VARIABLE, help="en or ja; else as LC_ALL, LC_MESSAGES or LANG has it.", callback=_language
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    choose(language)
    session.use(profile, region, stack)


@app.command()
@session.reported
def discover(
    virtual_ip: Annotated[Optional[str], typer.Option(help="The virtual IP (10.1.0.10).")] = None,
    cluster: Annotated[Optional[str], typer.Option(help="ClusterName of a new stack (garoon).")] = None,
    vpc: Annotated[Optional[str], typer.Option(help="The VPC, where several carry the virtual IP.")] = None,
    active: Annotated[Optional[str], typer.Option(help="The active node, where routes disagree.")] = None,
    standby: Annotated[Optional[str], typer.Option(help="The standby's instance id or name.")] = None,
    data_volume_a: Annotated[Optional[str], typer.Option(help="Node A's data volume, where it has several.")] = None,
    data_volume_b: Annotated[Optional[str], typer.Option(help="Node B's data volume, where it has several.")] = None,
    target_group: Annotated[Optional[str], typer.Option(help="The App servers' target group, name or ARN.")] = None,
    export_clients: Annotated[Optional[str], typer.Option(help="Who may mount: networks, with commas.")] = None,
    email: Annotated[Optional[str], typer.Option(help="Who is told of outcomes.")] = None,
    set_: Annotated[
        Optional[list[str]], typer.Option("--set", metavar="NAME=VALUE", help="A parameter as you want it. Repeatable.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("samconfig.toml"),
    replace: Annotated[
        bool, typer.Option("--replace", help="Take what was found where the file has other values.")
    ] = False,
    no_write: Annotated[bool, typer.Option("--no-write", help="Only show.")] = False,
    json: Json = False,
) -> None:
    """Find the installation and write samconfig.toml for `sam deploy`. Changes nothing in the account."""
    from garoon_failover import discover as command
    from garoon_failover.discovery import DEFAULT_VIRTUAL_IP, Wishes

    command.run(
        Wishes(
            virtual_ip=virtual_ip or DEFAULT_VIRTUAL_IP,
            cluster=cluster or "garoon",
            active=active,
            standby=standby,
            data_volume_a=data_volume_a,
            data_volume_b=data_volume_b,
            target_group=target_group,
            export_clients=export_clients,
        ),
        is_virtual_ip_given=virtual_ip is not None,
        is_cluster_given=cluster is not None,
        vpc=vpc,
        given=command.read_given(set_ or [], email),
        path=output,
        is_replacing=replace,
        is_writing=not no_write,
        is_json=json,
    )


@app.command()
@session.reported
def preflight(
    config: Annotated[Path, typer.Option(help="The file whose parameters are checked.")] = Path("samconfig.toml"),
    on_nodes: Annotated[
        bool, typer.Option("--on-nodes", help="Ask the nodes as well, by a command that changes nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Check what must exist before the deployment. Changes nothing. Exit code 1 if something stops you."""
    from garoon_failover import preflight as command

    command.run(path=config, is_json=json, is_on_nodes=on_nodes)


@app.command()
@session.reported
def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every two seconds, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show both nodes, the routes, the targets, what is at work, and whether a failover would work now."""
    from garoon_failover import status as command

    command.run(is_watching=watch, is_json=json)


@app.command()
@session.reported
def ready(json: Json = False) -> None:
    """Ask the controller whether a failover would work now. Exit code 1 if not."""
    from garoon_failover import ready as command

    command.run(is_json=json)


Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is on record and in the notification.")]
_BY_COMMAND = "started with garoon-failover"


@app.command()
@session.reported
def failover(
    reason: Reason = _BY_COMMAND,
    accept_data_loss: Annotated[
        bool, typer.Option("--accept-data-loss", help="Promote a replica that may lack what users were told is safe.")
    ] = False,
    peer_is_gone: Annotated[
        Optional[str], typer.Option(metavar="INSTANCE", help="An instance that EC2 has forgotten is gone for good.")
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Have the controller look now and do what is called for. It moves nothing that serves."""
    from garoon_failover import operate

    given = {"reason": reason, "acceptDataLoss": accept_data_loss, "peerIsGone": peer_is_gone}
    operate.run("failover", given, is_agreed=yes, is_json=json)


@app.command()
@session.reported
def switchback(
    to: Annotated[Optional[str], typer.Option(metavar="NODE", help="The node that is to be active; else home.")] = None,
    reason: Reason = _BY_COMMAND,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Move the active role, to the home node or to another. Nothing that was acknowledged is lost."""
    from garoon_failover import operate

    operate.run("switchback", {"target": to, "reason": reason}, is_agreed=yes, is_json=json)


@app.command()
@session.reported
def rejoin(reason: Reason = _BY_COMMAND, yes: Yes = False, json: Json = False) -> None:
    """Bring the standby back as an up-to-date one; starts its instance if it is stopped."""
    from garoon_failover import operate

    operate.run("rejoin", {"reason": reason}, is_agreed=yes, is_json=json)


@app.command()
@session.reported
def confirm(
    answer: Annotated[Answer, typer.Argument(help="yes: the role may move. no: nothing is done.")],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Answer a failover that asks before the role moves (ConfirmFailover)."""
    from garoon_failover import operate

    operate.confirm(is_yes=answer is Answer.YES, is_agreed=yes, is_json=json)


@app.command()
@session.reported
def maintenance(
    state: Annotated[Switch, typer.Argument(help="While it is on, nothing happens automatically.")],
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="With on: how long; it ends by itself.")] = 120,
    reason: Annotated[str, typer.Option(help="Why; whoever gets the notifications is told.")] = "",
    json: Json = False,
) -> None:
    """Switch maintenance on for some minutes, or off."""
    from garoon_failover import operate

    operate.maintenance(minutes if state is Switch.ON else 0, reason, is_json=json)


@app.command()
@session.reported
def history(
    execution: Annotated[Optional[str], typer.Argument(metavar="[ID]", help="An execution, or its beginning.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many are listed.")] = 20,
    markdown: Annotated[bool, typer.Option("--markdown", help="With an ID: the report for a ticket.")] = False,
    json: Json = False,
) -> None:
    """List what the controller did in the last 90 days; with an ID, tell one execution step by step."""
    from garoon_failover import history as command
    from garoon_failover.errors import UsageError

    if execution is None and markdown:
        raise UsageError(tr("markdown-of-one"), tr("markdown-of-one-next"))
    if markdown and json:
        raise UsageError(tr("markdown-or-json"), tr("give-one"))
    if execution is None:
        command.run_list(limit=limit, is_json=json)
    else:
        command.run_one(execution, is_markdown=markdown, is_json=json)


@app.command()
@session.reported
def plan(
    try_rights: Annotated[
        bool, typer.Option("--try-rights", help="Have each function give its orders as dry runs, with its own role.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what would happen now, call by call: if the active node died, if the role were moved. Changes nothing."""
    from garoon_failover import plan as command

    command.run(is_trying_rights=try_rights, is_json=json)


@app.command()
@session.reported
def verify(
    drill: Annotated[
        Optional[str],
        typer.Option(metavar="NAME", help="Break something, too: network-loss, stop, service, switchback, rejoin."),
    ] = None,
    agreed: Annotated[
        Optional[str],
        typer.Option(metavar="CLUSTER", help="The cluster's name: a maintenance window is agreed with its users."),
    ] = None,
    probe_url: Annotated[
        Optional[str], typer.Option(help="A page of Garoon's that is fetched twice a second during the drill.")
    ] = None,
    report: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the report is written.")] = Path(),
    json: Json = False,
) -> None:
    """Check on the real account what only it can show, and write the report. Moves nothing without --drill."""
    from garoon_failover import verify as command

    command.run(drill=drill, agreed_cluster=agreed, probe_url=probe_url, folder=report, is_json=json)


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
