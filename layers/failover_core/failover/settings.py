"""What a function is told by its environment; validated once, at cold start."""

import os
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from failover.messages import Language

LOCK_SECONDS = 10800
"""How long a lock lasts when nobody releases it; longer than the workflows' own TimeoutSeconds (a test holds that)."""


SILENT_INTERVALS = 2
SILENT_SECONDS = 10
"""A living node's newest beat may be as old: two of its intervals, and what looks and the beat's way take at worst
(docs/decisions/0017-how-beats-travel.md)."""


class FenceMethod(StrEnum):
    """How a failed node is fenced: docs/decisions/0006-fence-by-isolation.md."""

    ISOLATE_AND_STOP = "IsolateAndStop"
    STOP_INSTANCE = "StopInstance"


class ConfirmFailover(StrEnum):
    """Whether an operator is asked before the role moves automatically, and what silence means."""

    NEVER = "Never"
    PROCEED = "ProceedAfterTimeout"
    ABORT = "AbortAfterTimeout"


class RejoinPolicy(StrEnum):
    """Whether a standby whose machine runs again is brought back by itself."""

    ON_START = "OnStart"
    MANUAL = "Manual"


class ReplicationProtocol(StrEnum):
    """When a write is acknowledged: when this node has it, or when both have it."""

    A = "A"
    C = "C"


class NotificationLanguage(StrEnum):
    """In which language operators are told; both: Japanese first."""

    ENGLISH = "en"
    JAPANESE = "ja"
    BOTH = "both"

    @property
    def languages(self) -> tuple[Language, ...]:
        if self is NotificationLanguage.BOTH:
            return Language.JAPANESE, Language.ENGLISH
        return (Language(self.value),)


class Node(BaseModel):
    """One of the two database servers."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1)
    instance_id: str = Field(pattern=r"^i-[0-9a-f]+$")
    eth0_interface_id: str = Field(pattern=r"^eni-[0-9a-f]+$")
    eth0_subnet_id: str = Field(pattern=r"^subnet-[0-9a-f]+$")
    eth1_subnet_id: str = Field(pattern=r"^subnet-[0-9a-f]+$")
    data_volume_id: str = Field(pattern=r"^vol-[0-9a-f]+(,vol-[0-9a-f]+)*$")
    """Of its replica, or those of all its volumes', separated by commas, Garoon's own first."""

    @property
    def data_volume_ids(self) -> list[str]:
        return self.data_volume_id.split(",")

    @property
    def subnet_ids(self) -> tuple[str, str]:
        """The node's two subnets, in the order in which it is cut off: eth0's first."""
        return self.eth0_subnet_id, self.eth1_subnet_id


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _split_at_commas(value: object) -> object:
    return _parts(value) if isinstance(value, str) else value


def service_name(entry: str) -> str:
    """The service as a node names it, of an entry of the parameter Services."""
    return entry.partition(":")[0].rpartition("/")[2]


class Settings(BaseModel):
    """The cluster that this stack protects. Field names, in capitals, are the environment's variables."""

    model_config = ConfigDict(frozen=True)

    cluster_name: str = Field(min_length=1)
    cluster_table: str = Field(min_length=1)
    history_table: str = Field(min_length=1)
    history_days: int = Field(ge=1)
    node_a: Node
    node_b: Node
    virtual_ip: str
    route_table_ids: Annotated[tuple[str, ...], BeforeValidator(_split_at_commas), Field(min_length=1)]
    target_group_arn: str
    minimum_healthy_targets: int = Field(ge=1)
    node_document: str
    notification_topic_arn: str
    chat_topic_arn: str
    notification_language: NotificationLanguage = NotificationLanguage.ENGLISH
    dead_letter_queue_url: str
    failover_state_machine_arn: str
    fence_method: FenceMethod
    isolation_acl_id: str = Field(pattern=r"^acl-[0-9a-f]+$")
    fence_timeout_seconds: int = Field(ge=1)
    minimum_failover_interval_seconds: int = Field(ge=0)
    answer_timeout_seconds: int = Field(ge=1)
    watch_interval_seconds: int = Field(ge=1)
    confirm_failover: ConfirmFailover
    confirm_timeout_seconds: int = Field(ge=1)
    repeat_after_minutes: int = Field(ge=0)
    """What nobody reacted to is sent again after so long; 0: never."""
    runbook_url: str
    """The folder of operations.md and findings.md, for operators to follow from a message."""
    recovery_timeout_seconds: int = Field(ge=1)
    recovery_notice_seconds: int = Field(ge=1)
    replication_protocol: ReplicationProtocol
    rejoin_policy: RejoinPolicy
    start_in_maintenance: bool
    """A cluster whose maintenance nobody has switched yet is in maintenance."""
    services: str = ""
    exports: str = ""
    database_port: str = ""
    further_volumes: str = ""
    """The nodes' lists, as the stack's parameters have them. Only readiness is told, which compares, and of the volumes
    who keeps them; a node refuses a list that can't be used, and no function of a failover may stop over one."""

    @property
    def service_names(self) -> list[str]:
        """The services in their start order, as a node names them; empty where they are not told."""
        entries = self.services.split(",") if self.services else []
        return [service_name(entry) for entry in entries]

    @property
    def volume_count(self) -> int:
        """How many replicated volumes a node has."""
        return 1 + len(_parts(self.further_volumes))

    @property
    def configured(self) -> dict[str, str]:
        """What each node is to go by; empty where it is not told."""
        parameters = {
            "Services": self.services,
            "Exports": self.exports,
            "DatabasePort": self.database_port,
            "FurtherVolumes": self.further_volumes,
        }
        return {name: value for name, value in parameters.items() if value}

    @property
    def rejoin_state_machine_arn(self) -> str:
        return self.state_machine_arn("rejoin")

    def state_machine_arn(self, workflow: str) -> str:
        """Of failover, switchback or rejoin."""
        return f"{self.failover_state_machine_arn.rpartition(':')[0]}:{self.own_name(workflow)}"

    def execution_arn(self, workflow: str, name: str) -> str:
        return f"{self.state_machine_arn(workflow).replace(':stateMachine:', ':execution:')}:{name}"

    def function_arn(self, step: str) -> str:
        """Of the stack's own function of that name, e.g. "set_maintenance"."""
        arn, partition, _, region, account = self.failover_state_machine_arn.split(":")[:5]
        return f"{arn}:{partition}:lambda:{region}:{account}:function:{self.own_name(step.replace('_', '-'))}"

    @property
    def silence(self) -> timedelta:
        """A node whose newest beat is older is silent."""
        return timedelta(seconds=SILENT_INTERVALS * self.watch_interval_seconds + SILENT_SECONDS)

    @property
    def virtual_ip_cidr(self) -> str:
        """The virtual IP as route tables write it, e.g. 10.1.0.10/32."""
        return f"{self.virtual_ip}/32"

    @property
    def nodes(self) -> tuple[Node, Node]:
        return (self.node_a, self.node_b)

    @property
    def home(self) -> Node:
        """The node that the operator prefers as active."""
        return self.node_a

    def node(self, name: str) -> Node:
        """The node of that name. Raises KeyError for a name that is not in the cluster."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def peer_of(self, name: str) -> Node:
        """The other node."""
        return self.node_b if self.node(name) is self.node_a else self.node_a

    def node_of_instance(self, instance_id: str) -> Node | None:
        return next((node for node in self.nodes if node.instance_id == instance_id), None)

    def alarm_name(self, node_name: str, what: str) -> str:
        """The name that template.yaml gives to a node's alarm, e.g. garoon-db-01-heartbeat-lost."""
        return f"{self.cluster_name}-{node_name}-{what}"

    def own_name(self, what: str) -> str:
        """The name that template.yaml gives to what the cluster has one of, e.g. the rule garoon-acting-alarm."""
        return f"{self.cluster_name}-{what}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables. Raises ValueError that names each variable that is missing or wrong."""

    def node(letter: str) -> dict[str, str | None]:
        return {field: environment.get(f"NODE_{letter}_{field.upper()}") for field in Node.model_fields}

    values: dict[str, object] = {
        field: environment[field.upper()] for field in Settings.model_fields if field.upper() in environment
    }
    try:
        return Settings.model_validate(values | {"node_a": node("A"), "node_b": node("B")})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}" for problem in error.errors()
        )
        raise ValueError(f"The function's environment is not usable: {wrong}") from error


@cache
def settings() -> Settings:
    """This process's settings."""
    return read_settings(os.environ)
