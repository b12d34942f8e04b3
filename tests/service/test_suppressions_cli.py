"""`suppressions`, as an operator types it."""

from tests.service.operating import Operator


async def test_from_adding_to_removing(operator: Operator) -> None:
    code, told = await operator.types(
        "suppressions", "add", "org-1", "Ann@Acme.example", "other.example", "--note", "asked us to stop"
    )
    assert (code, told) == (0, "added domain other.example added email ann@acme.example 2 added")
    code, told = await operator.types("suppressions", "add", "org-1", "@other.example")
    assert (code, told) == (0, "0 added")
    code, told = await operator.types("suppressions", "list", "org-1")
    assert code == 0
    assert "ann@acme.example" in told
    assert told.count("asked us to stop") == 2
    assert "other.example" not in (await operator.types("suppressions", "list", "org-2"))[1]
    code, told = await operator.types("suppressions", "remove", "org-1", "ann@acme.example", "bob@acme.example")
    assert (code, told) == (0, "removed email ann@acme.example 1 removed")
    assert "ann@acme.example" not in (await operator.types("suppressions", "list", "org-1"))[1]


async def test_what_is_neither_an_address_nor_a_domain_is_one_clear_line(operator: Operator) -> None:
    code, told = await operator.types("suppressions", "add", "org-1", "acme")
    assert code == 1
    assert told == "NotSuppressible: 'acme' is neither an address nor a domain"
