"""`manage.py serve`: the whole product on one machine, as a parent of three programs.

plan.py       what is run and how: Valkey (unless REDIS_URL is set), gunicorn, a Celery worker with beat
children.py   one program: started so that it dies with us, stopped, started again with backoff
places.py     what must be ours alone: the data folder, the port, the runtime folder
first_run.py  migrations under a lock, the first admin and the first key
readiness.py  asking the new server whether it would answer a request
run.py        the order of things, from the first check to the last child

Invariant: nothing here runs in a web worker; the parent serves no request.
"""
