"""A scenario's own stack parameters reach the deployed functions, and are gone after it."""

import pytest

from testbed.run.bed import Testbed
from testbed.stack.deployment import changed_parameters


def fence_timeouts(bed: Testbed) -> set[str]:
    functions = bed.clients.functions.list_functions()["Functions"]
    return {function["Environment"]["Variables"]["FENCE_TIMEOUT_SECONDS"] for function in functions}


def test_a_scenario_s_parameter_reaches_every_function_and_is_put_back(deployed_bed: Testbed) -> None:
    before = fence_timeouts(deployed_bed)
    with changed_parameters(deployed_bed.clients, {"FenceTimeoutSeconds": "77"}):
        assert fence_timeouts(deployed_bed) == {"77"}
    assert fence_timeouts(deployed_bed) == before


def test_a_parameter_that_reaches_no_function_is_refused(deployed_bed: Testbed) -> None:
    with pytest.raises(LookupError, match="VIRTUAL_IPS"), changed_parameters(deployed_bed.clients, {"VirtualIps": "x"}):
        pass
