"""HTML from words of which none is trusted: whatever is not made here is text.

CloudWatch takes HTML with <style>, and removes JavaScript, <iframe> and <use> (CloudWatch User Guide, "Security and
JavaScript"). Text has the console's colours, light or dark. What a colour says is said by a word and a sign as well,
and the colours are of those that colour-blind people tell apart (Okabe and Ito, "Color Universal Design").
"""

import json
import re
from html import escape
from typing import Any

from failover.finding import Severity
from failover.hierarchy import State
from failover.messages import visible

LONGEST_LIST = 12

BADGES: dict[str, tuple[str, str, str]] = {
    State.ACTIVE: ("●", "#009e73", "#000000"),
    State.STANDBY: ("○", "#0072b2", "#ffffff"),
    State.DEGRADED: ("▲", "#f0e442", "#000000"),
    State.FAILED: ("✖", "#d55e00", "#000000"),
    State.UNKNOWN: ("?", "#cc79a7", "#000000"),
    Severity.CRITICAL: ("✖", "#d55e00", "#000000"),
    Severity.WARNING: ("▲", "#f0e442", "#000000"),
    Severity.INFO: ("i", "#56b4e9", "#000000"),
}
"""Each with its sign, its colour, and that of the text on it."""


STYLE = (
    ".gf table{border-collapse:collapse;width:100%;margin:0 0 10px}"
    ".gf th,.gf td{border:1px solid rgba(128,128,128,.4);padding:2px 8px;text-align:left;vertical-align:top}"
    ".gf th{font-weight:bold}"
    ".gf .b{display:inline-block;border-radius:3px;padding:0 6px;white-space:nowrap;font-weight:bold}"
    ".gf .d{opacity:.85}"
    ".gf .p{display:inline-block;width:120px;border:1px solid #808080;border-radius:3px}"
    ".gf .p span{display:block;height:8px;background:#0072b2}"
) + "".join(f".gf .{name}{{background:{back};color:{front}}}" for name, (_, back, front) in BADGES.items())


class Html(str):
    """Text that is markup. Markup makes it, and escapes whatever else it is given."""

    __slots__ = ()


class Markup:
    """Makes Html of words, each cut to so many characters."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def tag(self, name: str, *children: str, **attributes: str) -> Html:
        """An element. Children that are not Html, and attributes, are text."""
        inside = "".join(child if isinstance(child, Html) else self.text(child) for child in children)
        own = "".join(f' {key.rstrip("_")}="{self.text(value)}"' for key, value in attributes.items())
        return Html(f"<{name}{own}>{inside}</{name}>")

    def text(self, words: str) -> str:
        """Anybody's words, escaped, on one line. Signs that show nothing are named, not obeyed."""
        cut = words if len(words) <= self._longest else f"{words[: self._longest]}…"
        return escape("".join(map(visible, cut)))

    def badge(self, kind: State | Severity, word: str) -> Html:
        sign, *_ = BADGES[kind]
        return self.tag("span", f"{sign} {word}", class_=f"b {kind}")

    def row(self, cell: str, *cells: str) -> Html:
        return self.tag("tr", *(self.tag(cell, one) for one in cells))

    def together(self, *parts: str) -> Html:
        return self.tag("div", *parts)

    def listed(self, names: list[str]) -> Html:
        more = [f"+{len(names) - LONGEST_LIST}"] if len(names) > LONGEST_LIST else []
        return self.tag("span", *(part for name in [*names[:LONGEST_LIST], *more] for part in (Html(" "), name)))

    def link(self, execution_arn: str, word: str) -> str:
        """To the execution in the console; the word alone if it is no execution's ARN."""
        found = _EXECUTION.fullmatch(execution_arn)
        if found is None:
            return word
        console = f"https://{found[1]}.console.aws.amazon.com/states/home?region={found[1]}"
        address = escape(f"{console}#/v2/executions/details/{execution_arn}")
        return Html(f'<a href="{address}">{self.text(word)}</a>')

    def button(self, label: str, confirmation: str, endpoint: str, given: dict[str, Any], *, is_primary: bool) -> Html:
        """A button that calls a function, after its question was answered with yes, and shows the answer in a popup.

        An element's action is that of the <cwdb-action> right after it, which holds JSON (CloudWatch User Guide,
        "Interactivity in the custom widget"). The JSON has none of the signs that markup would have to escape.
        """
        call = json.dumps(given).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        asked = {"action": "call", "display": "popup", "confirmation": confirmation, "endpoint": endpoint}
        return self.tag(
            "span",
            self.tag("a", label, class_="btn btn-primary" if is_primary else "btn"),
            self.tag("cwdb-action", Html(call), **asked),
        )


_EXECUTION = re.compile(r"arn:aws[a-z-]*:states:([a-z0-9-]{1,30}):\d{12}:execution:[\w-]{1,80}:[\w-]{1,80}", re.ASCII)
