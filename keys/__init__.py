"""Who may call us, and with which secrets we call others. Code map:

access.py       two headers in, an Identity out; admin_access.py the same for admin keys
remembered.py   what was read of keys, in the process, and the grace while the database is away
signed.py       JWTs as bearer tokens: temporary.py our own, outside.py those of issuers whose keys jwks.py fetches
refusals.py     what is said to a caller who is nobody
identity.py     who calls, as one frozen value (pure)
callers.py      from rows to identities
tokens.py       the form of a key and its checksum (pure)
issuing.py      makes and revokes keys: the only place where a token is in the clear
acts.py         what is done to all that, each act with its line in the audit log
credentials.py  what we present to providers: environment and admin rows as one snapshot
credential_faults.py  what is wrong with one as it was entered
options.py      what a credential says beside its key: region, project, version (pure)
sealing.py      AES-256-GCM under the master keys; resealing.py rotates them
pepper.py       the installation's secret under which tokens are kept and scopes are made
freshness.py    how a change reaches every process within a second
kept.py         one snapshot of a table in memory, kept fresh
reading.py      reads of the database with a deadline and a breaker
redis.py        the one way to Redis: one pipeline per process, with a breaker
outbound.py     the address gate for whatever is called on someone's word
fetching.py     what is asked at such an address, and who asks
alerts/         tells who asked for it that a budget has reached a threshold; signals.py for code beside us
models.py, forms.py, admin.py, checks.py   the tables and their pages

Invariant: nothing here knows the proxy, its dialects or its cache. A known key costs no query and no Redis command.
Invariant: no table, log line, session or page holds a token or a provider's secret in the clear, but the one page that
answers the issuing of a key.
"""
