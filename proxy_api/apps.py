from django.apps import AppConfig


class ProxyApiConfig(AppConfig):
    name = "proxy_api"
    default_auto_field = "django.db.models.BigAutoField"
