"""Apps on the test's database, as in tests/worker."""

from tests.worker.conftest import make_app

__all__ = ["make_app"]
