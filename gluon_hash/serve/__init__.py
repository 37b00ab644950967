"""The HTTP service: codes of images, the nearest of a collection, and a page. Extra: [serve]."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from gluon_hash.errors import MissingPackageError
from gluon_hash.lazy import on_demand

if TYPE_CHECKING:
    from gluon_hash.serve.app import create_app
    from gluon_hash.serve.collection import Collection
    from gluon_hash.serve.limits import Limits
    from gluon_hash.serve.server import run
    from gluon_hash.serve.service import Service

__all__ = ["Collection", "Limits", "Service", "create_app", "require_packages", "run"]

NEEDED = ("fastapi", "uvicorn", "python_multipart")

__getattr__ = on_demand(
    __name__,
    {
        "Collection": "gluon_hash.serve.collection",
        "Limits": "gluon_hash.serve.limits",
        "Service": "gluon_hash.serve.service",
        "create_app": "gluon_hash.serve.app",
        "run": "gluon_hash.serve.server",
    },
)


def require_packages() -> None:
    """MissingPackageError, which says how to get them, unless the packages of [serve] are there."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"the service needs {', '.join(missing)}: pip install 'gluon_hash[serve]'"
        )
