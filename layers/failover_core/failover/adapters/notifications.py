"""What operators are told, through the stack's SNS topics."""

import json
from typing import Any

from failover.adapters.clients import client, translate_errors
from failover.settings import Settings

LONGEST_SUBJECT = 99


@translate_errors
def publish(settings: Settings, subject: str, text: str, attributes: dict[str, str]) -> None:
    """Publishes a message. `attributes` let a subscription filter.

    A subject is ASCII in every language: SNS puts it into the mail's header, its documents name UTF-8 (API Reference,
    "Publish") and ASCII (Managed Service for Prometheus User Guide, "SNS message validation rules"), and an encoded
    word (RFC 2047), which mail programs would read, is noise for every other subscription. SNS takes fewer than 100
    characters, and no control character.
    """
    client("sns").publish(
        TopicArn=settings.notification_topic_arn,
        Subject=ascii_subject(subject),
        Message=text,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def ascii_subject(subject: str) -> str:
    """A subject that SNS takes: what is not printable ASCII is a question mark, what is too long is cut."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in subject)[:LONGEST_SUBJECT]


@translate_errors
def publish_to_chat(settings: Settings, message: dict[str, Any]) -> None:
    """Publishes a custom notification of Amazon Q Developer in chat applications."""
    client("sns").publish(TopicArn=settings.chat_topic_arn, Message=json.dumps(message, ensure_ascii=False))


@translate_errors
def count_subscribers(settings: Settings) -> int:
    """How many subscriptions of the topic are confirmed; to one that is not, nothing is sent (SNS Developer Guide)."""
    answer = client("sns").get_topic_attributes(TopicArn=settings.notification_topic_arn)
    return int(answer["Attributes"]["SubscriptionsConfirmed"])
