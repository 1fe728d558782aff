"""The campaign's own test: a controller with a defect in it does not pass. `--self-test` tries all of them."""

import pytest

from testbed.campaign.mutations import mutated, read_mutations, try_mutation

MUTATIONS = {mutation.name: mutation for mutation in read_mutations()}


def test_there_are_enough_defects() -> None:
    assert len(MUTATIONS) >= 12


@pytest.mark.parametrize("name", MUTATIONS)
def test_defect_still_has_its_place_in_the_code(name: str) -> None:
    with mutated(MUTATIONS[name]) as root:
        assert MUTATIONS[name].new in (root / MUTATIONS[name].file).read_text()


@pytest.mark.parametrize("name", ["stopping-is-proof", "swap-route-without-lock"])
def test_defect_is_caught(name: str) -> None:
    finding = try_mutation(MUTATIONS[name], "0")
    assert finding.is_caught, finding.first_words
