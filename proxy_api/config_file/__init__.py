"""Config as code: a YAML file says what there shall be, and `manage.py apply` makes it so, in one transaction.

reading.py   text -> sections of entries, secrets out of the environment (pure)
kinds.py     what sections there are: how an entry finds its row, and what becomes of a row that no entry names
applying.py  entries -> acts, by the serializers of the REST API
telling.py   what was done, or would be, as lines (pure)

Invariant: what the file does not name is left alone, unless its section says `prune: true`. Applied twice, a file
changes nothing the second time.
"""
