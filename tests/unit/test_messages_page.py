"""docs/messages.md is what the catalogue says, with examples that tests produced: nobody edits it by hand."""

from failover.catalogue import CATALOGUE

from tests.write_messages import PAGE, read_examples, render

WITHOUT_AN_EXAMPLE = 98
"""Messages that no unit test has been seen to produce; `make messages` counts them anew, and they only become fewer."""


def test_the_page_shows_every_message_as_the_catalogue_has_it() -> None:
    assert PAGE.read_text() == render(read_examples()), "run `make messages`"
    assert all(f'id="{code}"' in PAGE.read_text() for code in CATALOGUE)


def test_every_example_is_one_of_a_message_that_there_is() -> None:
    assert set(read_examples()) <= set(CATALOGUE)


def test_messages_are_produced_by_tests() -> None:
    assert len(set(CATALOGUE) - set(read_examples())) <= WITHOUT_AN_EXAMPLE
