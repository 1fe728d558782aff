"""What `make cloud` prints: where the cloud is, and a few commands to begin with."""

from __future__ import annotations

from rich.console import Console

from testbed.garoon.installation import CLUSTER, HOME
from testbed.run.bed import Testbed
from testbed.stack.deployment import STACK_NAME

_COMMANDS = """\
# the command for operators (docs/cli.md), from here: `make cli`, then
garoon-failover discover --no-write; garoon-failover status --watch
# the workflow: start it as an operator, see how it ended
aws stepfunctions start-execution --state-machine-arn {machine} --input '{{}}'
aws stepfunctions list-executions --state-machine-arn {machine}
# the cluster record, the routes of the virtual IP, the targets
aws dynamodb get-item --table-name {table} --key '{{"clusterName": {{"S": "{cluster}"}}}}'
aws ec2 describe-route-tables --route-table-ids {tables}
aws elbv2 describe-target-health --target-group-arn {target_group}
# what operators are told (each message is handed out once in half a minute)
aws sqs receive-message --queue-url {queue} --max-number-of-messages 10 --query 'Messages[].Body'
# break something: stop the active node, or take its network away
aws ec2 stop-instances --instance-ids {instance}
echo '{{"nic_eth0": "down", "nic_eth1": "down"}}' > {faults}
# deploy what you changed; `sam build` alone builds for Lambda on arm64, which does not run here
LAYER_TARGET=host sam build && sam deploy --stack-name {stack} --resolve-s3 \\
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-confirm-changeset
# open Garoon
curl http://{web}/cgi-bin/cbgrn/grn.cgi
"""


def print_guide(console: Console, bed: Testbed) -> None:
    """The endpoint, the environment of the ordinary aws command line, and commands to try."""
    installation, stack = bed.installation, bed.stack
    server = next(iter(installation.app_servers.values()))

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    say(f"\nThe local cloud listens on {bed.clients.endpoint.url}; what it writes is in {bed.world.directory}.")
    say("Environment for the aws command line:\n")
    for name, value in bed.clients.endpoint.environment().items():
        say(f"export {name}={value}")
    say("\nTo begin with:\n")
    say(
        _COMMANDS.format(
            machine=stack.state_machine_arn,
            table=stack.cluster_table,
            queue=bed.queue_url,
            cluster=CLUSTER,
            tables=" ".join(installation.moving_route_tables),
            target_group=installation.target_group_arn,
            instance=installation.nodes[HOME].instance_id,
            stack=STACK_NAME,
            faults=bed.hosts[HOME].files.faults_file,
            web=f"{server.address}:8080",
        )
    )
    say("Ctrl-C ends it and cleans up.")
