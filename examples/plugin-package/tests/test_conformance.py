"""Each plugin keeps what its interface promises: the balancer's own checks, which look for a counterexample."""

from balancer.testing import conformance

from balancer_tenants import BannerCheck, LargeBody, LeastOf, ServedBy

TestLeastOf = conformance(LeastOf, weighted=False)
TestLargeBody = conformance(LargeBody)
TestBannerCheck = conformance(BannerCheck)
TestServedBy = conformance(lambda: ServedBy("east"))
