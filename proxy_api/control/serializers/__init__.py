"""What the resources of /v1/admin/ look like, and what may be written of each: one module a resource.

The file of `manage.py apply` is held against the same serializers (see proxy_api/config_file/).
"""
