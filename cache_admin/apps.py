from django.apps import AppConfig


class CacheAdminConfig(AppConfig):
    name = "cache_admin"
    default_auto_field = "django.db.models.BigAutoField"
