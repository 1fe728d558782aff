"""What CloudWatch tells a custom widget's function with each call (User Guide, "Details about custom widgets").

It tells the account and the dashboard, and nothing of who looks or presses.
"""

import re
from datetime import UTC, datetime, tzinfo

from pydantic import Field

from failover.models import Observed
from failover.widget_words import ENGLISH, JAPANESE, Words


class Timezone(Observed):
    """The dashboard's."""

    offset: str = Field(default="+00:00", alias="offsetISO")


class WidgetContext(Observed):
    locale: str = "en"
    """The console's language."""
    timezone: Timezone = Timezone()
    dashboard_name: str = ""
    account_id: str = ""
    """Of who calls."""

    @property
    def caller(self) -> dict[str, str]:
        """The dashboard's name and the account, in the signs that they are made of, whatever came."""
        given = {"dashboard": self.dashboard_name, "account": self.account_id}
        return {name: re.sub(r"[^\w-]", "?", said[:100], flags=re.ASCII) for name, said in given.items()}

    @property
    def words(self) -> Words:
        return JAPANESE if self.locale.lower().startswith("ja") else ENGLISH

    @property
    def zone(self) -> tzinfo:
        """UTC for an offset that is none."""
        try:
            zone = datetime.strptime(self.timezone.offset, "%z").tzinfo
        except ValueError:
            zone = None
        return zone or UTC
