"""Django's backend for PostgreSQL, with a pool that gevent's threads can live with. See base.py."""
