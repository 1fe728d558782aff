"""The deployed roles are enforced: a permission that a role lacks is missed by a drill, not in production."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from testbed import scenarios
from testbed.run.bed import Testbed
from testbed.run.drill import run


@contextmanager
def without_permission(bed: Testbed, role_part: str, action: str) -> Iterator[None]:
    """The stack's role whose name contains `role_part` lacks that action meanwhile."""
    iam = bed.clients.iam
    [role] = [name for name in bed.stack.roles if role_part in name]
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    assert isinstance(whole, dict)
    less = json.loads(json.dumps(whole))
    for statement in less["Statement"]:
        statement["Action"] = [allowed for allowed in statement["Action"] if allowed != action]
    assert less != whole, f"{role} does not have {action}"
    less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(whole))


def test_a_role_without_one_of_its_permissions_fails_its_drill(bed: Testbed) -> None:
    with without_permission(bed, "SwapRouteRole", "ec2:ReplaceRoute"):
        result = run(bed, scenarios.find("route-drift"))
    assert not result.has_passed
    assert any("ReplaceRoute" in problem and "UnauthorizedOperation" in problem for problem in result.problems), (
        result.problems
    )
