"""Somebody who has some of the stack's policies and no other right: who looks, and who operates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from testbed.stack.deployment import Stack
from testbed.stack.endpoint import Clients, Session

VIEWER = ("ViewPolicyArn",)
OPERATOR = ("ViewPolicyArn", "OperatePolicyArn")
"""Outputs of the stack."""


@contextmanager
def somebody(clients: Clients, stack: Stack, name: str, policies: tuple[str, ...]) -> Iterator[Session]:
    """Credentials of a role that has these policies and nothing else, while it is there."""
    iam = clients.iam
    trust = {"Effect": "Allow", "Principal": {"AWS": clients.endpoint.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=stack.outputs[policy])
    try:
        key = clients.sts.assume_role(RoleArn=arn, RoleSessionName="operator")["Credentials"]
        yield Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    finally:
        for policy in policies:
            iam.detach_role_policy(RoleName=name, PolicyArn=stack.outputs[policy])
        iam.delete_role(RoleName=name)
