"""From what a request names to every identifier of that person, and of nobody else."""

from privacy.identity.resolve import Resolution, resolve
from privacy.identity.sharing import Candidate, Decision, Question

__all__ = ["Candidate", "Decision", "Question", "Resolution", "resolve"]
