"""docs/messages.md is what the catalogue says, with examples that tests produced: nobody edits it by hand."""

from failover.catalogue import CATALOGUE

from tests.write_messages import PAGE, read_examples, render


def test_the_page_shows_every_message_as_the_catalogue_has_it() -> None:
    assert PAGE.read_text() == render(read_examples()), "run `make messages`"
    assert all(f'id="{code}"' in PAGE.read_text() for code in CATALOGUE)


def test_every_message_was_produced_by_a_test_and_no_other_is_shown() -> None:
    assert set(read_examples()) == set(CATALOGUE), "write a test that produces it, then run `make messages`"


def test_the_examples_tests_are_there() -> None:
    root = PAGE.parents[1]
    for code, example in read_examples().items():
        file, _, test = example["by"].partition("::")
        assert f"def {test}(" in (root / file).read_text(), f"{code}: {example['by']}"
