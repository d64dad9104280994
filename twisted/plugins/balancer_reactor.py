"""Tells `twist --reactor` of the lean epoll reactor."""

from twisted.application.reactors import Reactor

balancer = Reactor("balancer", "balancer.net.reactor", "a lean epoll(7) reactor that writes at the end of each turn.")
