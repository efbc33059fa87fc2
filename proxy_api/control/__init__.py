"""The REST API under /v1/admin/: what the admin's pages do, for automation. HTTP in, HTTP out; the acts are in `keys`.

views.py        who is asking, whether the role may, errors in OpenAI's shape
resources.py    the views that most resources share: a list, one row
views_*.py      what is particular to a resource
serializers/    what a resource looks like, and what may be written of it
reading.py      a body or a query, checked; faults.py what is wrong with it
paging.py       lists by key
openapi.py      how all that stands in the document

Invariant: a method that a view does not name a right for is refused. No session counts here, so no form can be forged.
"""
