from environment.generate_page import PAGE, generate


def test_the_environments_page_is_that_of_its_template() -> None:
    """If not: `python -m environment.generate_page`."""
    page = PAGE.read_text()

    assert generate(page) == page
