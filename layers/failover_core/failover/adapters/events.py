"""What starts the workflows: the stack's EventBridge rules, and what they could not deliver."""

from botocore.exceptions import ClientError

from failover.adapters.clients import client, error_code, translate_errors
from failover.settings import Settings


@translate_errors
def is_rule_on(name: str) -> bool:
    """False for a rule that is switched off, or does not exist."""
    try:
        return bool(client("events").describe_rule(Name=name)["State"] != "DISABLED")
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return False
        raise


@translate_errors
def count_undelivered(settings: Settings) -> int:
    """How many events lie in the dead-letter queue, also while somebody reads them."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = client("sqs").get_queue_attributes(QueueUrl=settings.dead_letter_queue_url, AttributeNames=list(counts))
    return sum(int(answer["Attributes"][name]) for name in counts)
