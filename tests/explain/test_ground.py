"""What questions are put to: the pools of a config, as they would be."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogEvent
from zope.interface import implementer

from balancer.config import Backend, Health, HTTPListener, Pool
from balancer.errors import ConfigError
from balancer.explain import offline
from balancer.interfaces import IAlgorithm
from balancer.plugins.health import TCPCheck
from tests.explain.configs import API, SITE, site


def test_all_are_up_unless_they_are_named() -> None:
    """Every backend counts as up, a name leads to nobody, and what is declared holds for all of a name or for one."""
    ground = offline(site(), down=["b1"], draining=["api/b3"])
    told = {f"{pool.name}/{one.name}": one.state for pool in ground.pools.values() for one in pool.backends}
    assert told == {"site/b1": "down", "site/b2": "up", "api/b1": "down", "api/b3": "draining", "names/d1": "up"}
    assert [one.name for one in ground.pools[SITE].eligible()] == ["b2"]
    assert ground.pools[API].eligible() == []


def test_a_full_one() -> None:
    """A backend that is full has the connections that it takes; one that takes any number cannot be."""
    ground = offline(site(), full=["site/b1"])
    assert [one.active for one in ground.pools[SITE].backends] == [2, 0]
    with pytest.raises(ConfigError, match="full: backend 'b2' has no max_connections, so that it is never full"):
        offline(site(), full=["b2"])


def test_what_starts_down_counts_as_up() -> None:
    """A backend that only a check would let in is looked at as if it had."""
    backends = [Backend("late.example:80", name="late", start="down")]
    pool = Pool("late", backends=backends, health=Health(TCPCheck(), assume="down"))
    ground = offline(site(HTTPListener("tcp:80", pool=pool)))
    assert [one.name for one in ground.pools[pool].eligible()] == ["late"]


@pytest.mark.parametrize(("name", "like"), [("b4", "b1"), ("sight/b2", "site/b2"), ("?", "b1")])
def test_a_name_that_is_not_there(name: str, like: str) -> None:
    """A wrong name is a mistake that tells one that is there."""
    with pytest.raises(ConfigError, match=f"down: no backend is named '.*'; give one such as {like}"):
        offline(site(), down=[name])


def test_tags() -> None:
    """A backend has the tags that its health check would report; what is no tag of a backend is a mistake."""
    ground = offline(site(), tags=["site/b1=primary", "b1=fast"])
    assert [one.tags for one in ground.pools[SITE].backends] == [{"primary", "fast"}, frozenset()]
    assert [one.tags for one in ground.pools[API].backends] == [{"fast"}, frozenset()]
    for wrong in ("b1", "=primary", "b1="):
        with pytest.raises(ConfigError, match=f"tag: '{wrong}' tells no tag of a backend"):
            offline(site(), tags=[wrong])
    with pytest.raises(ConfigError, match="tag: no backend is named 'b9'"):
        offline(site(), tags=["b9=primary"])


@implementer(IAlgorithm)
class Failing:
    """An algorithm that makes no picker."""

    name = "failing"

    def picker(self, backends: Any, random: Any) -> Any:
        """Fail."""
        raise ValueError("none today")


def test_an_algorithm_that_fails(logged_failures: list[LogEvent]) -> None:
    """An algorithm that makes no picker is a mistake of the config, as at a start."""
    pool = Pool("odd", backends=["10.0.0.1:80"], algorithm=Failing())
    with pytest.raises(ConfigError, match=r"Pool 'odd': algorithm 'failing': picker\(\) failed"):
        offline(site(HTTPListener("tcp:80", pool=pool)))
    logged_failures.clear()
