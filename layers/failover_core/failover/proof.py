"""What a proof is, and what is none: so that nothing empty, missing or unknown can ever be taken for one."""

from failover.messages import Message
from failover.models import Value


class Proven(Value):
    """It is so, now."""

    how: Message
    """By what it is shown. A sentence without its full stop."""


class NotProven(Value):
    """It may be so or not: nothing is done that needs it."""

    why: Message
    """What is missing. A sentence without its full stop."""


Proof = Proven | NotProven
