"""The balancer that some commands are put to, and that must be empty when the test is over."""

from tests.control.conftest import asked

__all__ = ["asked"]
