"""Django's checks of the project run before its first migration: they may ask no database."""

from django.core import checks


def test_the_checks_pass_before_there_is_a_table():
    """No test database is at hand here: a query would raise."""
    assert checks.run_checks() == []
