"""A finding of readiness, and how much it matters."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import PlainSerializer, computed_field, model_validator

from failover.messages import Message
from failover.models import Value


class Severity(StrEnum):
    """How much a finding matters. CRITICAL alone makes the cluster not ready."""

    CRITICAL = "critical"  # a failover would not work, or would lose data
    WARNING = "warning"  # it would work, but something is not as it should be, or an operator is needed
    INFO = "info"


Sentence = Annotated[Message, PlainSerializer(str)]
"""A message that people and older programs find as its English sentence."""


class Finding(Value):
    """Something that the operator should know, and what to do about it."""

    id: str
    """Stable: programs may go by it."""
    about: str
    """The node, table, alarm, ... that it is about."""
    severity: Severity
    meaning: Sentence
    action: Sentence

    @computed_field  # type: ignore[prop-decorator]
    @property
    def said(self) -> dict[str, Any]:
        """Meaning and action as data, beside their English sentences."""
        return {"meaning": self.meaning.to_json(), "action": self.action.to_json()}

    @model_validator(mode="before")
    @classmethod
    def _read_said(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "said" not in data:
            return data
        return {name: value for name, value in data.items() if name != "said"} | dict(data["said"])
