"""What operators are told, through the stack's SNS topic."""

from failover.adapters.clients import client, translate_errors
from failover.settings import Settings


@translate_errors
def publish(settings: Settings, subject: str, text: str, attributes: dict[str, str]) -> None:
    """Publishes a message. `attributes` let a subscription filter; a subject is cut to the 100 characters SNS takes."""
    client("sns").publish(
        TopicArn=settings.notification_topic_arn,
        Subject=subject[:100],
        Message=text,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


@translate_errors
def count_subscribers(settings: Settings) -> int:
    """How many subscriptions of the topic are confirmed; to one that is not, nothing is sent (SNS Developer Guide)."""
    answer = client("sns").get_topic_attributes(TopicArn=settings.notification_topic_arn)
    return int(answer["Attributes"]["SubscriptionsConfirmed"])
