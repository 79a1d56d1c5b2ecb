"""The normal form of identifiers: what cannot be one is refused, and never quoted."""

from __future__ import annotations

import pytest

from privacy.datamap.kinds import normal
from privacy.errors import BadInput


@pytest.mark.parametrize("text", ["anna.example", ""])
def test_what_is_no_address_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        normal("email", text)
    assert "anna" not in str(refused.value)


def test_blanks_around_an_address_and_its_case_lose_no_match() -> None:
    """Edge case 19."""
    assert normal("email", " \tANNA@Voorbeeld.Example\r\n") == "anna@voorbeeld.example"
