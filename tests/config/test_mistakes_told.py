"""What a user is told of a wrong config: every kind of mistake, with its exact line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

BACKEND = "Pool('site', backends=[{}])"
POOL = "Pool('site', backends=['a:1'], {})"
HEALTH = "Health(check, {})"
TAIL = "config = Config([HTTPListener('tcp:8080', pool=site)])"
HTTP = "config = Config([HTTPListener({})])"

ADDRESSES = {
    "'10.0.0.12'": "Backend '10.0.0.12': address: '10.0.0.12' has no port; write it as host:port",
    "'8080'": "Backend '8080': address: '8080' has no host; write it as host:port",
    "'http://a:80'": "Backend 'http://a:80': address: 'http://a:80' is a URL; write it as host:port",
    "'::1:80'": "Backend '::1:80': address: '::1:80' has too many colons; write an IPv6 address as [::1]:port",
    "'10.0.0..1:80'": "Backend '10.0.0..1:80': address: '10.0.0..1:80': the host is no IP address; "
    "give one such as 10.0.0.11 or fe80::1",
    "'.a.com:80'": "Backend '.a.com:80': address: '.a.com:80': the host is no name; "
    "give labels of at most 63 letters, digits, hyphens and underscores, joined by dots",
    r"'a\x00b:80'": r"Backend 'a\x00b:80': address: 'a\x00b:80' is not text of one line; write it as 'host:port'",
    "''": "Backend '': address: '' has no port; write it as host:port",
    "'a:1,b:1'": "Backend 'a:1,b:1': address: 'a:1,b:1' has a comma; give several addresses as a list",
    "Backend": "Pool 'site': backends: Backend is a class; give an object of it: Backend(...)",
    "'a:0'": "Backend 'a:0': address: 'a:0': '0' is not a port; give 1 to 65535",
    "'a:http'": "Backend 'a:http': address: 'a:http': 'http' is not a port; give 1 to 65535",
    "'tcp:a:80:timeout=3'": "Backend 'tcp:a:80:timeout=3': address: 'tcp:a:80:timeout=3' has options; "
    "an address is host:port alone",
    "'unix:'": "Backend 'unix:': address: 'unix:' has no path; write it as unix:/path",
    "Backend(80)": "Backend '80': address: 80 is not text; write it as 'host:port'",
    "80": "Pool 'site': backends: 80 is not a Backend; give a Backend or an address such as '10.0.0.11:8080'",
    "": "Pool 'site': backends: there is none; give at least one, such as '10.0.0.11:8080'",
    "'a:1', 'tcp:a:1'": "Pool 'site': backends: two are at 'a:1'; list each place once",
    "Backend('a:1', name='x'), Backend('a:2', name='x')": "Pool 'site': backends: two are named 'x'; "
    "give each its own name",
    "Backend('a:1', weight=0)": "Backend 'a:1': weight: 0 is not a positive number; give one such as 1",
    "Backend('a:1', weight=True)": "Backend 'a:1': weight: True is not a positive number; give one such as 1",
    "Backend('a:1', tier=-1)": "Backend 'a:1': tier: -1 is not a whole number of at least 0",
    "Backend('a:1', tier=2, backup=True)": "Backend 'a:1': tier: 2 contradicts backup=True, which is tier 1; "
    "leave one of them out",
    "Backend('a:1', start='off')": "Backend 'a:1': start: 'off' is not a choice; give 'up' or 'down'",
    "Backend('a:1', tags=[3])": "Backend 'a:1': tags: 3 is not text of one line; give a name in quotes",
    "Backend('a:1', name=None)": "Backend 'a:1': name: None is not text of one line; give a name in quotes",
    "Backend('a:1', start='down')": "Pool 'site': backends: Backend 'a:1' starts down and would stay so; "
    "give the pool health=Health(...)",
    "Backend('a:1', max_connections=0)": "Backend 'a:1': max_connections: 0 is not a whole number of at least 1",
    "Backend('a:1', max_connections=8.5)": "Backend 'a:1': max_connections: 8.5 is not a whole number of at least 1",
    "Backend('a:1', zone=1)": "Backend 'a:1': zone: 1 is not a str; give a name in quotes",
}
POOLS = {
    "algorithm='rr'": "Pool 'site': algorithm: 'rr' does not provide IAlgorithm; "
    "give an algorithm object such as RoundRobin()",
    "algorithm=RoundRobin": "Pool 'site': algorithm: RoundRobin is a class; give an object of it: RoundRobin(...)",
    "on_policy_error=503": "Pool 'site': on_policy_error: 503 does not provide IAlgorithm; "
    "give an algorithm object such as RoundRobin()",
    "health=Health": "Pool 'site': health: Health is a class; give an object of it: Health(...)",
    "health=check": "Pool 'site': health: check is not a Health; give one such as Health(TCPCheck(), every=2)",
    "connect_timeout=float('inf')": "Pool 'site': connect_timeout: inf is not a positive number of seconds; "
    "give one such as 5",
    "attempts=0": "Pool 'site': attempts: 0 is not a whole number of at least 1",
    "latency_half_life='10'": "Pool 'site': latency_half_life: '10' is not a positive number of seconds; "
    "give one such as 10",
    "failure_hold=0": "Pool 'site': failure_hold: 0 is not a positive number of seconds; give one such as 1",
    "response_timeout=None": "Pool 'site': response_timeout: None is not a positive number of seconds; "
    "give one such as 60",
    "stall_timeout=0": "Pool 'site': stall_timeout: 0 is not a positive number of seconds; give one such as 60",
    "keepalive=-1": "Pool 'site': keepalive: -1 is not a whole number of at least 0",
    "keepalive_timeout=0": "Pool 'site': keepalive_timeout: 0 is not a positive number of seconds; give one such as 4",
    "queue=50": "Pool 'site': queue: would be ignored, for no backend has max_connections; leave it out",
    "queue_timeout=9": "Pool 'site': queue_timeout: would be ignored, for no backend has max_connections; leave it out",
    "resolve_every=0.5": "Pool 'site': resolve_every: 0.5 is less than 1 seconds; give one such as 30",
    "dns=['ns.example.com']": "Pool 'site': dns: 'ns.example.com' is no DNS server; "
    "give its IP address, such as '10.0.0.2' or '10.0.0.2:53'",
    "source='eth0'": "Pool 'site': source: 'eth0' is no address of a machine; give one such as '10.0.0.5'",
    "on_down='kill', health=Health(check)": "Pool 'site': on_down: 'kill' is not a choice; "
    "give 'keep' or 'cut' or a number of seconds above 0",
    "on_down=0, health=Health(check)": "Pool 'site': on_down: 0 is not a choice; "
    "give 'keep' or 'cut' or a number of seconds above 0",
    "on_down=10": "Pool 'site': on_down: would be ignored, for no health check takes backends down; "
    "give health=Health(...)",
    "name=''": "conf.py, line 21: Pool() got multiple values for argument 'name'",
}
LIMITED = {
    "queue=-1": "Pool 'site': queue: -1 is not a whole number of at least 0",
    "queue_timeout=0": "Pool 'site': queue_timeout: 0 is not a positive number of seconds; give one such as 5",
    "queue=0, queue_timeout=9": "Pool 'site': queue_timeout: would be ignored, for queue=0 lets nobody wait; "
    "leave it out",
}
HEALTHS = {
    "every=-1": "Health: every: -1 is not a positive number of seconds; give one such as 2",
    "every=1e-9": "Health: every: 1e-09 is less than 0.05 seconds; give one such as 2",
    "timeout=0.001": "Health: timeout: 0.001 is less than 0.01 seconds; give one such as 2",
    "timeout=0": "Health: timeout: 0 is not a positive number of seconds; give one such as 2",
    "rise=0": "Health: rise: 0 is not a whole number of at least 1",
    "fall=1.5": "Health: fall: 1.5 is not a whole number of at least 1",
    "jitter=2": "Health: jitter: 2 is not a share; give a number from 0 to 1",
    "assume=True": "Health: assume: True is not a choice; give 'up' or 'down'",
    "evry=1": "conf.py, line 21: Health() got an unexpected keyword argument 'evry'; did you mean 'every'?",
}
PLACES = {
    "'10.0.0.1:1'], resolve_every=5": "Pool 'site': resolve_every: would be ignored, "
    "for no backend has a name; leave it out",
    "'unix:/run/x'], dns='10.0.0.2'": "Pool 'site': dns: would be ignored, for no backend has a name; leave it out",
    "'unix:/run/x'], source='10.0.0.5'": "Pool 'site': source: would be ignored, for every backend is a unix socket; "
    "leave it out",
    "'[::1]:1', 'a:1'], source='10.0.0.5'": "Pool 'site': source: '10.0.0.5' cannot reach Backend '[::1]:1', "
    "which is of the other IP version; give each its own Pool",
}
LISTENERS = {
    "'8080', pool=site": "HTTPListener '8080': endpoint: '8080' does not begin with its type; write it as tcp:8080",
    "'127.0.0.1:80', pool=site": "HTTPListener '127.0.0.1:80': endpoint: '127.0.0.1:80' does not begin with its type; "
    "write it as tcp:80:interface=127.0.0.1",
    "'ssl:443', pool=site": "HTTPListener 'ssl:443': endpoint: 'ssl:443' asks for TLS, "
    "which is no part of an endpoint here; bind tcp: or unix:, and give tls=TLS(...)",
    "'udp:53', pool=site": "HTTPListener 'udp:53': endpoint: 'udp:53' does not carry HTTP; write it as tcp:port",
    "'tcp:99999', pool=site": "HTTPListener 'tcp:99999': endpoint: 'tcp:99999': '99999' is not a port; give 0 to 65535",
    "'tcp:80:ipv6=1', pool=site": "HTTPListener 'tcp:80:ipv6=1': endpoint: 'tcp:80:ipv6=1': 'ipv6' is no part of it; "
    r"it has port, interface, backlog, and an IPv6 interface is written as \:\:1",
    "80, pool=site": "HTTPListener 80: endpoint: 80 is not text; write it as 'tcp:8080'",
    "'tcp:80'": "HTTPListener 'tcp:80': routes: there is none; give routes=[...] or pool=...",
    "'tcp:80', pool='site'": "HTTPListener 'tcp:80': pool: 'site' is not a Pool; give the Pool object",
    "'tcp:80', pool=site, routes=[Route(check, site)]": "HTTPListener 'tcp:80': pool: cannot stand beside routes; "
    "give one of them",
    "'tcp:80', routes=[site]": "HTTPListener 'tcp:80': routes: Pool 'site' is not a Route; "
    "give one such as Route(Path('/v1'), pool)",
    "'tcp:80', routes=[Route(pool=site), Route(check, site)]": "HTTPListener 'tcp:80': routes: "
    "route 2 is never reached; route 1 before it takes every request",
    "'tcp:80', routes=[Route(site)]": "Route: matcher: Pool 'site' is a pool; write Route(pool=...)",
    "'tcp:80', routes=[Route('/v1', site)]": "Route to Pool 'site': matcher: '/v1' does not provide IMatcher; "
    "give a matcher such as Path('/v1')",
    "'tcp:80', routes=[Route(check)]": "Route: pool: is missing; "
    "give the Pool object, or a filter that answers itself, such as Respond(404)",
    "'tcp:80', routes=[Route(check, site, filters='/v1')]": "Route to Pool 'site': filters: "
    "'/v1' does not provide IFilter; give a filter such as StripPrefix('/v1')",
    "'tcp:80', routes=[Route(check, site, filters=[lambda head, _: head], on_filter_error='pass')]": "Route to "
    "Pool 'site': on_filter_error: 'pass' is not a choice; give 'refuse' or 'skip'",
    "'tcp:80', routes=[Route(check, site, on_filter_error='skip')]": "Route to Pool 'site': "
    "on_filter_error: would be ignored, for there are no filters; leave it out",
    "'tcp:80', routes=[Route(check, site, filters=[lambda head: head])]": "Route to Pool 'site': filters: "
    "<lambda> cannot be called with (head, session); let it take just that",
    "'tcp:80', routes=[Route(lambda: True, site)]": "Route to Pool 'site': matcher: "
    "<lambda> cannot be called with (session); let it take just that",
    "'tcp:80', routes=[Route(check, site, filters=Transform(5))]": "Route to Pool 'site': filters: "
    "transform: body is not a method; let it take (head, session, direction), or leave it out",
    "'tcp:80', routes=[Route(check, site, filters=Transform(lambda head: None))]": "Route to Pool 'site': filters: "
    "transform: body cannot be called with (head, session, direction); let it take just that",
    "'tcp:80', routes=[Route(Peek(-1), site)]": "Route to Pool 'site': matcher: peek: -1 "
    "is not a whole number of at least 0",
    "'tcp:80', routes=[Route(Peek('3'), site)]": "Route to Pool 'site': matcher: peek: '3' "
    "is not a whole number of at least 0",
    "'tcp:80', routes=[Route(check, site), Route(check | Peek(3), site)]": "HTTPListener 'tcp:80': routes: "
    "route 2: (check | peek) looks at the first bytes of a TCP connection, which are not there for a request; "
    "give a matcher such as Path('/v1')",
    "'tcp:80', routes=[Route(Path('v1'), site)]": "Path: prefix: 'v1' does not start with a slash; write '/v1'",
    "'tcp:80', pool=site, idle=0": "HTTPListener 'tcp:80': idle: 0 is not a positive number of seconds; "
    "give one such as 75",
    "'tcp:80', pool=site, half_closed=0": "HTTPListener 'tcp:80': half_closed: 0 is not a positive number of seconds; "
    "give one such as 1",
    "'tcp:80', pool=site, request_timeout='1'": "HTTPListener 'tcp:80': request_timeout: '1' is not a positive number "
    "of seconds; give one such as 10",
    "'tcp:80', pool=site, body_timeout=0": "HTTPListener 'tcp:80': body_timeout: 0 is not a positive number "
    "of seconds; give one such as 30",
    "'tcp:80', pool=site, reason_header=1": "HTTPListener 'tcp:80': reason_header: 1 is not a choice; "
    "give True or False",
    "'tcp:80', routes=[Route(pool=site, timeout=-1)]": "Route to Pool 'site': timeout: -1 is not a positive number "
    "of seconds; give one such as 300",
    "'tcp:80', pool=site, max_head=10": "HTTPListener 'tcp:80': max_head: 10 is not a whole number of at least 1024",
    "'tcp:80', pool=site, paths='raw'": "HTTPListener 'tcp:80': paths: 'raw' is not a choice; give 'normal' or 'as-is'",
    "'tcp:80', pool=site, max_fields=0": "HTTPListener 'tcp:80': max_fields: 0 is not a whole number of at least 1",
    "'tcp:80', pool=site, http3=1": "conf.py, line 22: HTTPListener() got an unexpected keyword argument "
    "'http3'; leave it out, or see python -m pydoc balancer.HTTPListener",
}
CONFIGS = {
    "[]": "Config: listeners: there is none; give at least one, such as HTTPListener('tcp:8080', pool=site)",
    "site": "Config: listeners: Pool 'site' is not a Listener; give one, such as HTTPListener('tcp:8080', pool=site)",
    "web, drain=0": "Config: drain: 0 is not a positive number of seconds; give one such as 30",
    "web, companions=[check]": "Config: companions: check does not provide IService; give a Twisted service object",
    "web, companions=[Check]": "Config: companions: <class 'balancer_config.Check'> does not provide IService; "
    "give a Twisted service object",
    "[web, TCPListener('tcp:80:interface=127.0.0.1', pool=site)]": "Config: listeners: "
    "'tcp:80:interface=127.0.0.1' is taken by 'tcp:80' already; bind each port once",
    "[web, TCPListener('tcp:81', pool=Pool('site', backends=['b:1']))]": "Config: listeners: "
    "two different pools are named 'site'; give each its own name",
    "UDPListener('tcp:53', pool=site)": "UDPListener 'tcp:53': endpoint: 'tcp:53' does not carry UDP; "
    "write it as udp:port",
    "UDPListener('udp:53', pool=site, max_flows=0)": "UDPListener 'udp:53': max_flows: 0 is not a whole number "
    "of at least 1",
    "UDPListener('udp:53', pool=site, replies=-1)": "UDPListener 'udp:53': replies: -1 is not a whole number "
    "of at least 0",
    "UDPListener('udp:53', pool=site, requests=0)": "UDPListener 'udp:53': requests: 0 is not a whole number "
    "of at least 1",
    "UDPListener('udp:53', pool=site, per_packet=1)": "UDPListener 'udp:53': per_packet: 1 is not a choice; "
    "give True or False",
    "UDPListener('udp:53', pool=site, per_packet=True, requests=2)": "UDPListener 'udp:53': requests: "
    "cannot stand beside per_packet, which is requests=1; give one of them",
    "UDPListener('udp:53', pool=site, max_flows_per_source=0)": "UDPListener 'udp:53': max_flows_per_source: "
    "0 is not a whole number of at least 1",
    "UDPListener('udp:53', pool=site, max_flows=5, max_flows_per_source=6)": "UDPListener 'udp:53': "
    "max_flows_per_source: 6 would be ignored, for max_flows is 5; give less, or leave it out",
    "UDPListener('udp:53', pool=site, idle=0)": "UDPListener 'udp:53': idle: 0 is not a positive number of seconds; "
    "give one such as 60",
    "TCPListener('tcp:53', pool=site, linger=0)": "TCPListener 'tcp:53': linger: 0 is not a positive number "
    "of seconds; give one such as 30",
    "TCPListener('tcp:53', routes=Route(pool=site, timeout=9))": "TCPListener 'tcp:53': routes: route 1: timeout: "
    "would be ignored, for it bounds HTTP requests alone; leave it out",
    "TCPListener('tcp:53', pool=5)": "TCPListener 'tcp:53': pool: 5 is not a Pool; give the Pool object",
    "UDPListener('udp:53', pool=Pool('dns', backends=['tcp:a:53']))": "Pool 'dns': backends: "
    "'tcp:a:53' cannot serve the UDPListener that uses the pool; give host:port, which serves TCP and UDP",
    "[TCPListener('tcp:53', pool=dns), UDPListener('udp:53', pool=dns)]": "Pool 'dns': backends: "
    "'udp:a:53' cannot serve the TCPListener that uses the pool; give host:port, which serves TCP and UDP",
    "UDPListener('udp:53', pool=Pool('dns', backends=['a:53'], health=Health(streams)))": "Pool 'dns': health: "
    "streams cannot probe for the UDPListener that uses the pool, but for TCP and HTTP; "
    "leave health out, or give a check whose protocols contain Kind.UDP",
    "TCPListener('tcp:53', pool=Pool('dns', backends=['a:53'], health=Health(named)))": "Health: check: protocols: "
    "'tcp' is not a Kind; give Kind.TCP, Kind.UDP or Kind.HTTP, from balancer.interfaces",
    "TCPListener('tcp:53', pool=Pool('dns', backends=['a:53'], health=Health(lambda: 1)))": "Health: check: "
    "<lambda> cannot be called with (target); let it take just that",
    "TCPListener('tcp:5432', pool=Pool('db', backends=['a:1'], keepalive=5))": "Pool 'db': keepalive: "
    "would be ignored, for no HTTPListener uses the pool; leave it out",
    "UDPListener('udp:53', pool=Pool('dns', backends=Backend('a:1', max_connections=9), queue=5))": "Pool 'dns': "
    "queue: would be ignored, for no TCPListener or HTTPListener uses the pool; leave it out",
    "web, control='tcp:1'": "Config: control: 'tcp:1' is no unix socket; "
    "give a path alone, such as 'unix:/run/balancer.sock'",
    "web, control='/run/b'": "Config: control: '/run/b' does not begin with its type; write it as unix:/run/b",
    "web, control='unix:/b:mode=666'": "Config: control: 'unix:/b:mode=666' has options, which would be ignored; "
    "give a path alone, such as 'unix:/run/balancer.sock'",
    "web, control='unix:/' + 'b' * 107": f"Config: control: 'unix:/{'b' * 107}' is longer than the 107 bytes "
    "that a socket's path may have; shorten it",
    "web, control=5": "Config: control: 5 is not text; write it as 'tcp:8080'",
    "TCPListener('unix:/b', pool=site), control='unix:/b'": "Config: control: 'unix:/b' is taken by "
    "TCPListener 'unix:/b'; give it a path of its own",
    "UDPListener('udp:53', pool=Pool('dns', backends=['a:1'], attempts=5))": "Pool 'dns': attempts: "
    "would be ignored, for no TCPListener or HTTPListener uses the pool; leave it out",
}
PRELUDE = """
from zope.interface import implementer
from balancer.interfaces import IFilter, Kind, Matcher
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.matchers import Path

class Check:
    __or__ = Matcher.__or__
    def __call__(self, *_): return False
    def __repr__(self): return type(self).__name__.lower()
check = Check()

@implementer(IFilter)
class Transform(Check):
    request = response = Check()
    def __init__(self, body): self.body = body

class Peek(Check):
    def __init__(self, peek): self.peek = peek
"""
DUTY = """
class Streams(Check):
    protocols = (Kind.TCP, Kind.HTTP)
streams = Streams()
named = Check()
named.protocols = ("tcp",)
site = Pool('site', backends=['a:1'])
dns = Pool('dns', backends=['udp:a:53'])
web = HTTPListener('tcp:80', pool=site)
"""


@pytest.mark.parametrize(("given", "line"), ADDRESSES.items())
def test_of_backends(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong backend is one line that names it, the field, what was given and what is expected."""
    assert told(f"site = {BACKEND.format(given)}\n{TAIL}") == [line]


@pytest.mark.parametrize(("given", "line"), POOLS.items())
def test_of_pools(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong setting of a pool is one line."""
    assert told(f"{PRELUDE}site = {POOL.format(given)}\n{TAIL}") == [line]


@pytest.mark.parametrize(("given", "line"), LIMITED.items())
def test_of_queues(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong setting of a queue, where there can be one, is one line."""
    backend = "Backend('a:1', max_connections=8)"
    assert told(f"site = Pool('site', backends={backend}, {given})\n{TAIL}") == [line]


@pytest.mark.parametrize(("given", "line"), PLACES.items())
def test_of_ways_to_backends(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A setting of how backends are found and reached that does not suit them is one line."""
    assert told(f"site = Pool('site', backends=[{given})\n{TAIL}") == [line]


@pytest.mark.parametrize(("given", "line"), HEALTHS.items())
def test_of_health(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong setting of health checking is one line."""
    health = HEALTH.format(given)
    assert told(f"{PRELUDE}site = {POOL.format(f'health={health}')}\n{TAIL}") == [line]


@pytest.mark.parametrize(("given", "line"), LISTENERS.items())
def test_of_http_listeners(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong HTTP listener or route is one line."""
    assert told(f"{PRELUDE}site = {POOL.format('')}\n{HTTP.format(given)}") == [line]


@pytest.mark.parametrize(("given", "line"), CONFIGS.items())
def test_of_the_whole(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """What only the whole config shows to be wrong is one line as well."""
    assert told(f"{PRELUDE}{DUTY}config = Config({given})") == [line]


def test_all_at_once(told: Callable[[str], list[str]]) -> None:
    """Every mistake is told, in the order of the file and each once, however many there are and wherever they are."""
    text = """
    unused = Pool('unused', backends=['a'])
    site = Pool('site', backends=[Backend('b', weight=-1), 'a'], attempts=0)
    config = Config([HTTPListener('80', pool=site), TCPListener('udp:1', pool=None)], drain=-1)
    """
    assert told(text) == [
        "Backend 'a': address: 'a' has no port; write it as host:port",
        "Backend 'b': address: 'b' has no port; write it as host:port",
        "Backend 'b': weight: -1 is not a positive number; give one such as 1",
        "Pool 'site': attempts: 0 is not a whole number of at least 1",
        "HTTPListener '80': endpoint: '80' does not begin with its type; write it as tcp:80",
        "TCPListener 'udp:1': endpoint: 'udp:1' does not carry TCP; write it as tcp:port",
        "TCPListener 'udp:1': routes: there is none; give routes=[...] or pool=...",
        "Config: drain: -1 is not a positive number of seconds; give one such as 30",
    ]


def test_a_change_of_a_noun(told: Callable[[str], list[str]]) -> None:
    """Who changes a noun is told in which line, of which noun, which setting, and what to do instead."""
    assert told("site = Pool('site', backends=['a:1'])\nsite.attempts = 5") == [
        "conf.py, line 3: site.attempts = 5",
        "AttributeError: Pool 'site': attempts: cannot be changed; give it as the Pool is made",
    ]


def test_before_the_fall(told: Callable[[str], list[str]]) -> None:
    """What was wrong before the file stopped running is told before what stopped it."""
    assert told("site = Pool('site', backends=['a'])\n1 / 0") == [
        "Backend 'a': address: 'a' has no port; write it as host:port",
        "conf.py, line 3: 1 / 0",
        "ZeroDivisionError: division by zero",
    ]
