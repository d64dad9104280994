"""A route as a user writes it; refuses to match anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import attrs

from balancer.config.health import KIND
from balancer.config.listeners import Listener
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    at_once,
    choice,
    count,
    instance,
    optional,
    provides_or_callable,
    seconds,
    shown,
    sound,
    word,
)
from balancer.config.pools import Pool
from balancer.config.retry import Retry
from balancer.config.upgrades import upgrades, wrong_upgrades
from balancer.errors import ConfigError
from balancer.interfaces import Found, IFilter, IMatcher, ISession, Kind
from balancer.interfaces.hints import hints_of
from balancer.interfaces.matching import captures_of

MatchFunction = Callable[[ISession], Found]
"""What may stand in place of an `IMatcher`."""

FilterFunction = Callable[[Any, ISession], Any]
"""What may stand in place of an `IFilter` that looks at requests alone."""

POOL: Final = "give the Pool object"
_POOL_OR_ANSWER: Final = f"{POOL}, or a filter that answers itself, such as Respond(404)"


def _filters(
    given: IFilter | FilterFunction | Iterable[IFilter | FilterFunction],
) -> tuple[IFilter | FilterFunction, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class Route(Noun):
    """Sends the sessions its matcher accepts through its filters to its pool. Raises `ConfigError`.

    Without a matcher it takes every session. It needs no pool where a filter answers itself, as `Redirect` does; what
    is not answered then is told 404. In place of a pool a route of a `TCPListener` may say what else becomes of a
    connection. With `serve` it is served as by that `TCPListener` or `HTTPListener`, which has no endpoint of its own:
    so one port can pass some server names through, and end the TLS of others. `refuse=True` closes it, after the alert
    `unrecognized_name` where the client began with TLS.

    Routes are tried in the order written. A matcher may also be a function of one argument, the `ISession`, and a
    filter a function of two, the request's head and the `ISession`. Logs call a route by its `name`, or by its matcher
    if it has none. The body of a request has at most `max_body` bytes; None is what the listener says. A request of
    HTTP and its answer may take `timeout` seconds, all in all; with None as long as nothing else runs out of time.
    `retry` says for what HTTP requests are tried again; without it, only for a connection that ends before anything of
    the answer to a request without a body has come.

    A filter that fails costs the request a 500. With `on_filter_error="skip"` the head goes on without it, which is for
    filters that decorate: never for one that keeps anybody out.

    `upgrades` names the protocols, in lower case, that a request may ask to change its connection to: what follows the
    backend's consent (101) is relayed as it is. Requests for others go on without that wish.
    """

    matcher: IMatcher | MatchFunction | None = None
    pool: Pool | None = None
    filters: tuple[IFilter | FilterFunction, ...] = attrs.field(default=(), converter=_filters, kw_only=True)
    upgrades: tuple[str, ...] = attrs.field(default=("websocket",), converter=upgrades, kw_only=True)
    name: str | None = attrs.field(default=None, kw_only=True)
    max_body: int | None = attrs.field(default=None, kw_only=True)
    timeout: float | None = attrs.field(default=None, kw_only=True)
    retry: Retry | None = attrs.field(default=None, kw_only=True)
    serve: Listener | None = attrs.field(default=None, kw_only=True)
    refuse: bool = attrs.field(default=False, kw_only=True)
    on_filter_error: Literal["refuse", "skip"] = attrs.field(default="refuse", kw_only=True)

    @property
    def title(self) -> str:
        """What logs call it."""
        return self.name or ("everything" if self.matcher is None else shown(self.matcher))

    @property
    def always(self) -> bool:
        """Whether it takes every session, so that a route after it is never reached."""
        return self.matcher is None or getattr(self.matcher, "always", False) is True

    @property
    def peek(self) -> int:
        """The most leading bytes of a connection that its matcher may need to see."""
        return getattr(self.matcher, "peek", 0)

    @property
    def peeks(self) -> bool:
        """Whether its matcher may need any."""
        return isinstance(self.peek, int) and self.peek > 0

    @property
    def turns_off(self) -> bool:
        """Whether it leads elsewhere than to a pool."""
        return self.serve is not None or self.refuse is True

    def fits(self, kind: Kind) -> bool:
        """Whether its matcher can match sessions of that kind, as far as it says; what says nonsense is told so."""
        kinds = self._kinds
        return kind in kinds or len(sound(kinds, Kind)) < len(kinds)

    @property
    def _kinds(self) -> tuple[Any, ...]:
        return as_tuple(getattr(self.matcher, "kinds", Kind))

    def __str__(self) -> str:
        if self.name is not None:
            return f"Route {shown(self.name)}"
        target = self.serve if isinstance(self.serve, Listener) else self.pool
        return f"Route to {target}" if isinstance(target, Pool | Listener) else "Route"

    @property
    def answers(self) -> bool:
        """Whether a filter of it says that it may answer itself."""
        return any(getattr(item, "answers", False) is True for item in self.filters)

    def _mistakes(self) -> Iterator[str]:
        if isinstance(self.matcher, Pool):
            yield f"matcher: {self.matcher} is a pool; write Route(pool=...)"
            return
        if self.matcher is not None:
            wrong = list(provides_or_callable("matcher", self.matcher, IMatcher, "give a matcher such as Path('/v1')"))
            yield from wrong or self._wrong_claims()
        yield from self._wrong_target()
        if self.name is not None:
            yield from word("name", self.name)
        if self.timeout is not None:
            yield from seconds("timeout", self.timeout, like=300)
        yield from _wrong_filters(self)
        if self.max_body is not None:
            yield from count("max_body", self.max_body, least=0)
        yield from wrong_upgrades(self.upgrades)
        if self.retry is not None:
            yield from self._wrong_retry()

    def _wrong_pool(self) -> Iterator[str]:
        """What is no pool, and what is wrong with a route that has none."""
        if self.pool is not None:
            yield from instance("pool", self.pool, Pool, POOL)
            return
        if not self.answers:
            yield f"pool: is missing; {_POOL_OR_ANSWER}"
            return
        if self.retry is not None:
            yield "retry: would be ignored without a pool; leave it out"
        if self.upgrades != attrs.fields(Route).upgrades.default:
            yield "upgrades: would be ignored without a pool; leave them out"

    def _wrong_target(self) -> Iterator[str]:
        """What is wrong with where it leads, which is one place."""
        yield from choice("refuse", self.refuse, (True, False))
        if self.serve is not None:
            yield from self._wrong_inside()
        elif self.refuse is not True:
            yield from self._wrong_pool()
        given = [name for name in ("pool", "serve") if getattr(self, name) is not None]
        given += ["refuse"] if self.refuse is True else []
        if len(given) > 1:
            yield f"{given[1]}: cannot stand beside {given[0]}; give one of them"

    def _wrong_inside(self) -> Iterator[str]:
        """What is wrong with the listener that is to serve."""
        remedy = "give one such as HTTPListener(tls=TLS('/etc/balancer/certs'), pool=site)"
        yield from instance("serve", self.serve, Listener, remedy)
        if not isinstance(self.serve, Listener):
            return
        if self.serve.kind is Kind.UDP:
            yield f"serve: {self.serve} takes datagrams, not connections; {remedy}"
        elif self.serve.endpoint != "":
            yield f"serve: {self.serve}: its endpoint would be ignored, for the route's is the one bound; leave it out"

    def _wrong_retry(self) -> Iterator[str]:
        """What is no retry, and what its pool leaves nothing of."""
        yield from instance("retry", self.retry, Retry, "give one such as Retry(statuses=[503])")
        if not isinstance(self.retry, Retry) or not isinstance(self.pool, Pool):
            return
        if self.retry.attempts is None and self.pool.attempts == 1:
            yield f"retry: would be ignored, for {self.pool} has attempts=1; give Retry(attempts=...)"
        yield from self.retry.too_late(f"{self.pool} has response_timeout", self.pool.response_timeout)
        yield from self.retry.too_late("the route has timeout", self.timeout)

    def _wrong_claims(self) -> Iterator[str]:
        yield from at_once("matcher", self.matcher, getattr(self.matcher, "matches", self.matcher))
        yield from count("matcher: peek", self.peek, least=0)
        for kind in self._kinds:
            yield from instance("matcher: kinds", kind, Kind, KIND)
        try:
            hints_of(self.matcher)
        except ConfigError as error:
            yield f"matcher: {error}"


def _wrong_filters(route: Route) -> Iterator[str]:
    for item in route.filters:
        wrong = list(provides_or_callable("filters", item, IFilter, "give a filter such as StripPrefix('/v1')"))
        yield from wrong or _wrong_filter(item)
    yield from _uncaptured(route)
    yield from choice("on_filter_error", route.on_filter_error, ("refuse", "skip"))
    if route.on_filter_error == "skip" and not route.filters:
        yield "on_filter_error: would be ignored, for there are no filters; leave it out"


def _uncaptured(route: Route) -> Iterator[str]:
    """What filters need captured, where it is known that the matcher captures nothing of that name."""
    made = frozenset[str]() if route.matcher is None else captures_of(route.matcher)
    if made is None:
        return
    captured = f"captures {', '.join(sorted(made))} alone" if made else "captures nothing"
    for item in route.filters:
        for name in sorted((captures_of(item) or made) - made):
            remedy = f"correct the name, or give a matcher such as Path(template='/{{{name}}}')"
            yield f"filters: {shown(item)}: {{{name}}} would fail, for the route {captured}; {remedy}"


def _wrong_filter(item: Any) -> Iterator[str]:
    yield from optional("filters", item, "body", ("head", "session", "direction"))
    for method in ("response", "body"):
        yield from at_once("filters", item, getattr(item, method, None))
