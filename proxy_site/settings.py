"""Settings: the only place (with environment.py) that reads the environment. The README's table has every name."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from proxy_site import appearance, installation, mail
from proxy_site import environment as env

ROOT = Path(__file__).resolve().parent.parent

# -- where things are --------------------------------------------------------------------------------------------
DRAGOMAN_DATA_DIR = Path(env.text("DRAGOMAN_DATA_DIR", "data")).absolute()
DATABASE_URL = env.text("DATABASE_URL")
REDIS_URL = env.text("REDIS_URL")
EMBEDDED_VALKEY = not REDIS_URL
REDIS_URL = REDIS_URL or installation.embedded_redis_url(DRAGOMAN_DATA_DIR)
DRAGOMAN_SPOOL_DIR = DRAGOMAN_DATA_DIR / "spool"

# -- secrets -----------------------------------------------------------------------------------------------------
SECRET_KEY = env.text("DRAGOMAN_SECRET_KEY") or installation.kept_secret(DRAGOMAN_DATA_DIR, "secret_key")
DRAGOMAN_MASTER_KEYS = env.names("DRAGOMAN_MASTER_KEYS")
if not DRAGOMAN_MASTER_KEYS:
    if DATABASE_URL:
        raise ImproperlyConfigured(
            "DRAGOMAN_MASTER_KEYS must be set together with DATABASE_URL: it seals credentials and cached completions, "
            "and every host of the installation needs the same ring. "
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    DRAGOMAN_MASTER_KEYS = (installation.kept_secret(DRAGOMAN_DATA_DIR, "master_key"),)
DRAGOMAN_ADMIN_USER = env.text("DRAGOMAN_ADMIN_USER", "admin")
DRAGOMAN_ADMIN_PASSWORD = env.text("DRAGOMAN_ADMIN_PASSWORD")

# -- who may call ------------------------------------------------------------------------------------------------
DRAGOMAN_PROVIDER_ENV = env.everything()
DRAGOMAN_ALLOW_PROVIDER_KEYS = env.flag("DRAGOMAN_ALLOW_PROVIDER_KEYS")
DRAGOMAN_ALLOW_ANONYMOUS = env.flag("DRAGOMAN_ALLOW_ANONYMOUS")
DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = env.names("DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS")
DRAGOMAN_CORS_ORIGINS = env.names("DRAGOMAN_CORS_ORIGINS")
DRAGOMAN_TRUSTED_PROXIES = env.networks("DRAGOMAN_TRUSTED_PROXIES")
DRAGOMAN_KEY_GRACE = env.number("DRAGOMAN_KEY_GRACE", 60)

# -- cache and ledger --------------------------------------------------------------------------------------------
DRAGOMAN_CACHE_TTL = env.whole("DRAGOMAN_CACHE_TTL", 604800, least=1)
DRAGOMAN_CACHE_GRACE = env.whole("DRAGOMAN_CACHE_GRACE", 86400)
DRAGOMAN_CACHE_MAX_BYTES = env.whole("DRAGOMAN_CACHE_MAX_BYTES", 4 << 20, least=1024)
DRAGOMAN_CACHE_MAX_ROWS = env.whole("DRAGOMAN_CACHE_MAX_ROWS", 1_000_000)
DRAGOMAN_CACHE_MAX_TOTAL_BYTES = env.whole("DRAGOMAN_CACHE_MAX_TOTAL_BYTES", 10 << 30)
DRAGOMAN_LOG_BODIES = env.choice("DRAGOMAN_LOG_BODIES", "metadata", ("none", "metadata", "full"))
DRAGOMAN_USAGE_DURABILITY = env.choice("DRAGOMAN_USAGE_DURABILITY", "process", ("process", "fsync"))
DRAGOMAN_USAGE_DAYS = env.whole("DRAGOMAN_USAGE_DAYS", 90)
DRAGOMAN_AUDIT_DAYS = env.whole("DRAGOMAN_AUDIT_DAYS", 730)

# -- limits of one call ------------------------------------------------------------------------------------------
DRAGOMAN_MAX_BODY_BYTES = env.whole("DRAGOMAN_MAX_BODY_BYTES", 20 << 20, least=1024)
DRAGOMAN_MAX_RELAYED_BYTES = env.whole("DRAGOMAN_MAX_RELAYED_BYTES", 512 << 20, least=1024)
DRAGOMAN_BODY_TIMEOUT = env.number("DRAGOMAN_BODY_TIMEOUT", 30, least=0.1)
DRAGOMAN_CONNECT_TIMEOUT = env.number("DRAGOMAN_CONNECT_TIMEOUT", 3, least=0.1)
DRAGOMAN_FIRST_BYTE_TIMEOUT = env.number("DRAGOMAN_FIRST_BYTE_TIMEOUT", 60, least=0.1)
DRAGOMAN_IDLE_TIMEOUT = env.number("DRAGOMAN_IDLE_TIMEOUT", 60, least=0.1)
DRAGOMAN_TOTAL_TIMEOUT = env.number("DRAGOMAN_TOTAL_TIMEOUT", 600, least=0.1)
DRAGOMAN_PING_INTERVAL = env.number("DRAGOMAN_PING_INTERVAL", 10, least=0.1)
DRAGOMAN_MEDIA_MAX_BYTES = env.whole("DRAGOMAN_MEDIA_MAX_BYTES", 20 << 20, least=1024)
DRAGOMAN_MEDIA_TIMEOUT = env.number("DRAGOMAN_MEDIA_TIMEOUT", 30, least=0.1)
DRAGOMAN_REASONING_TTL = env.whole("DRAGOMAN_REASONING_TTL", 24 * 3600)
DRAGOMAN_WRITE_TIMEOUT = env.number("DRAGOMAN_WRITE_TIMEOUT", 60, least=0.1)
DRAGOMAN_DRAIN_SECONDS = env.number("DRAGOMAN_DRAIN_SECONDS", 25)
DRAGOMAN_MAX_CONNECTIONS = env.whole("DRAGOMAN_MAX_CONNECTIONS", 2000, least=10)

# -- Django ------------------------------------------------------------------------------------------------------
DEBUG = env.flag("DRAGOMAN_DEBUG")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
ALLOWED_HOSTS = list(env.names("DRAGOMAN_ALLOWED_HOSTS") or LOOPBACK_HOSTS)
if "*" in ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured("DRAGOMAN_ALLOWED_HOSTS must name the hosts: * is for DRAGOMAN_DEBUG=1 alone")
PUBLIC = any(host not in LOOPBACK_HOSTS for host in ALLOWED_HOSTS)
if DEBUG and PUBLIC and "*" not in ALLOWED_HOSTS:
    raise ImproperlyConfigured("DRAGOMAN_DEBUG=1 is refused on a host that others can reach")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "keys",
    "cache_admin",
    "proxy_api",
    "proxy_site",
]
ROOT_URLCONF = "proxy_site.urls"
WSGI_APPLICATION = "proxy_site.wsgi.application"
# For the admin and the docs alone: the API path runs without middleware (see wsgi.py).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "keys.administration.admin_log.watched",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "proxy_site.headers.content_security_policy",
    "axes.middleware.AxesMiddleware",
    "proxy_site.failures.unstorable_refused",
]
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": installation.database(DATABASE_URL, DRAGOMAN_DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": installation.cache(REDIS_URL)}
CELERY = installation.celery(REDIS_URL, DRAGOMAN_DATA_DIR)

# Alerts alone go out by mail; without a server none does.
MAIL = mail.server(env.text("DRAGOMAN_EMAIL_URL"))
EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = MAIL.host, MAIL.port, 10
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.user, MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.starttls, MAIL.tls
DEFAULT_FROM_EMAIL = env.text("DRAGOMAN_EMAIL_FROM") or MAIL.sender

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "proxy_site.formats"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
# A file too: what is uploaded holds prompts, and the disk sees none in the clear.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = DRAGOMAN_MAX_BODY_BYTES

LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "proxy_site.login.backend.OperatorBackend"]
# Failed logins of the admin: https://django-axes.readthedocs.io/en/latest/4_configuration.html
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]  # either of the two
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "proxy_site.login.throttle.counted_name"
AXES_CLIENT_IP_CALLABLE = "proxy_site.login.throttle.counted_address"
AXES_LOCKOUT_CALLABLE = "proxy_site.login.throttle.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "csrfmiddlewaretoken"]
# The audit log tells who came and who failed; these would tell it once more.
AXES_DISABLE_ACCESS_LOG, AXES_ENABLE_ADMIN, AXES_VERBOSE = True, False, False
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# The clients' side of this server speaks HTTPS, whoever ends it (see wsgi.py).
DRAGOMAN_HTTPS = env.flag("DRAGOMAN_HTTPS", default=PUBLIC and not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = DRAGOMAN_HTTPS
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if DRAGOMAN_HTTPS else 0
# Whether subdomains and the browsers' preload list follow is for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Dragoman",
    "DESCRIPTION": "OpenAI's API in front of every model. Press *Authorize* and enter a key that was issued here.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    # In the order of a reader's interest: without it the admin's API comes first.
    "TAGS": [
        {"name": name}
        for name in ("chat", "completions", "embeddings", "moderations", "models", "credentials", "relayed", "Admin")
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": f"{STATIC_URL}dragoman/favicon.svg",
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["proxy_site.reference.canonical"],
    # Django's authenticators are none of the API's business: keys are, and they are said here.
    "AUTHENTICATION_WHITELIST": [],
    "ENUM_NAME_OVERRIDES": {
        "KeyState": "proxy_api.control.serializers.keys.STATES",
        "CompletionState": "cache_admin.choosing.STATES",
    },
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer"},
            "adminKey": {"type": "http", "scheme": "bearer", "description": "An admin key: `dga_...`"},
        }
    },
    "SECURITY": [{"key": []}],
}
UNFOLD = appearance.UNFOLD

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "proxy_site.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": sys.stderr}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "dragoman": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
        # Its warnings quote what clients sent, headers included.
        "gunicorn.error": {"level": "ERROR", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}
