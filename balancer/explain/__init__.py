"""Follows one request, connection or datagram through a config, and tells each decision with its reason.

Nothing is bound, looked up or connected for it, and nothing changes by it.
"""

from balancer.explain.ground import Ground, offline
from balancer.explain.question import Question, question
from balancer.explain.telling import told
from balancer.explain.texts import lines_of
from balancer.explain.way import Hop, Way, follow, following

__all__ = ["Ground", "Hop", "Question", "Way", "follow", "following", "lines_of", "offline", "question", "told"]
