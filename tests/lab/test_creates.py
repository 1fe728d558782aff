"""What the lab says of the clients' first creation after a move."""

from __future__ import annotations

from testbed.lab.creates import first_create_seconds


def test_the_slowest_app_server_counts_and_only_what_came_after_the_move() -> None:
    created_at = {"app-01": [90.0, 99.9, 101.5, 102.0], "app-02": [99.0, 104.0]}

    assert first_create_seconds(created_at, 100.0) == 4.0


def test_an_app_server_that_created_nothing_any_more_gives_no_figure() -> None:
    assert first_create_seconds({"app-01": [101.0], "app-02": [99.0]}, 100.0) is None
