"""The test database as the migrations left it, which each test that commits finds again.

Django empties every table after such a test and has content types, permissions and our own first rows made anew: 0.1 s,
four hundred times in a run. Here those rows are kept beside, and put back in one go.
"""

from __future__ import annotations

from functools import cache

from django.db import connection, transaction
from django.test import TransactionTestCase

from keys import freshness


def keep() -> None:
    """Copy what is in the tables now, and have it put back from now on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA pristine")
        for table in tables():
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")')
            if cursor.fetchone() == (True,):
                cursor.execute(f'CREATE TABLE pristine."{table}" AS TABLE "{table}"')
    TransactionTestCase._fixture_teardown = put_back  # type: ignore[method-assign,assignment]


def put_back(_case: TransactionTestCase) -> None:
    """In place of TransactionTestCase's own flush; whoever remembers rows is told that they have changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statements())
    freshness.bump()


@cache
def statements() -> str:
    """Foreign keys are checked when the transaction ends (https://docs.djangoproject.com/en/5.2/ref/databases/), so the
    tables may come in any order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'pristine'")
        filled = [table for (table,) in cursor.fetchall()]
    emptied = ", ".join(f'"{table}"' for table in tables())
    return f"TRUNCATE {emptied}; " + "; ".join(f'INSERT INTO "{one}" TABLE pristine."{one}"' for one in filled)


def tables() -> list[str]:
    """Of all models."""
    return connection.introspection.django_table_names(only_existing=True, include_views=False)
