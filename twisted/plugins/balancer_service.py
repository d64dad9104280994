"""Tells `twist` that there is a command `balancer`; knows nothing else, and must not import a reactor."""

from twisted.application.service import ServiceMaker

balancer = ServiceMaker("balancer", "balancer.tap", "a layer 4 and layer 7 load balancer", "balancer")
