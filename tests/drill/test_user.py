"""What counts as an outage."""

from testbed.garoon.user import Outage, Visit, find_outages


def visit(time: float, error: str | None = None) -> Visit:
    return Visit(time, time + 0.1, error)


def test_an_outage_lasts_from_the_first_failed_to_the_first_good_request() -> None:
    visits = [visit(1), visit(2, "refused"), visit(3, "refused"), visit(4), visit(5)]
    assert find_outages(visits) == [Outage(2, 4.1)]


def test_an_outage_that_goes_on_has_no_end() -> None:
    assert find_outages([visit(1), visit(2, "refused")]) == [Outage(2, None)]


def test_a_good_request_in_between_parts_two_outages() -> None:
    visits = [visit(1, "refused"), visit(2), visit(3, "refused"), visit(4)]
    assert find_outages(visits) == [Outage(1, 2.1), Outage(3, 4.1)]


def test_a_request_that_hung_counts_from_its_start_although_it_was_recorded_late() -> None:
    hung = Visit(2, 9, "timed out")
    assert find_outages([visit(1), visit(3, "refused"), hung, visit(4)]) == [Outage(2, 4.1)]


def test_without_a_failed_request_there_is_no_outage() -> None:
    assert find_outages([visit(1), visit(2)]) == []
