"""The command line: what each command is called and takes. What it does is imported when it is called.

So `--help`, a typing error and the shell's completion wait for nothing of AWS's (the bench measures that).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from garoon_failover import session

app = typer.Typer(
    name="garoon-failover",
    help="Finds a Garoon installation on AWS, checks it, shows it, moves the active role and proves that it works.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
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


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
