import threading
import time

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError

from keys.reading import DatabaseAway, Reader

pytestmark = pytest.mark.django_db(transaction=True)


def select(seconds=0.0):
    def query():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s), 7", [seconds])
            return cursor.fetchone()[1]

    return query


def refused():
    raise OperationalError("connection refused")


def test_a_read_gives_what_the_query_gives():
    assert Reader(seconds=2).read(select()) == 7


def test_a_late_read_is_left_at_the_deadline():
    started = time.monotonic()
    with pytest.raises(DatabaseAway, match="TimeoutError"):
        Reader(seconds=0.2).read(select(seconds=3))
    assert time.monotonic() - started < 2.5


def test_after_a_failure_nobody_asks_until_the_rest_is_over():
    asked = []
    reader = Reader(seconds=2, rest=0.2)
    with pytest.raises(DatabaseAway):
        reader.read(refused)
    with pytest.raises(DatabaseAway, match="lately"):
        reader.read(lambda: asked.append(1))
    time.sleep(0.25)
    assert reader.read(select()) == 7
    assert asked == []


def test_after_the_rest_one_asks_and_the_others_are_refused_until_it_knows():
    reader = Reader(seconds=1.5, rest=0.1)
    with pytest.raises(DatabaseAway):
        reader.read(refused)
    time.sleep(0.15)
    took = []

    def ask():
        started = time.monotonic()
        with pytest.raises(DatabaseAway):
            reader.read(select(seconds=3))
        took.append(time.monotonic() - started)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sorted(seconds > 1.2 for seconds in took) == [False] * 4 + [True]


def test_an_error_that_is_no_databases_comes_through_and_opens_no_breaker():
    reader = Reader(seconds=2)
    with pytest.raises(ZeroDivisionError):
        reader.read(lambda: 1 // 0)
    assert reader.read(select()) == 7


def test_more_reads_than_places_wait_for_their_turn():
    reader, found = Reader(seconds=2, most=2), []
    threads = [threading.Thread(target=lambda: found.append(reader.read(select(0.05)))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert found == [7] * 10


def test_inside_a_transaction_its_own_rows_are_seen():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE seen_here (n int) ON COMMIT DROP")
        cursor.execute("INSERT INTO seen_here VALUES (3)")

        def query():
            cursor.execute("SELECT n FROM seen_here")
            return cursor.fetchone()[0]

        assert Reader(seconds=2).read(query) == 3


def test_a_read_gives_its_connection_back():
    reader = Reader(seconds=2)
    for _ in range(30):
        reader.read(select())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert cursor.fetchone()[0] <= 10
