"""The register of requests: numbers, states, deadlines, proof of identity, and what is personal about them, sealed."""

from privacy.rights.keeping import RequestHolds
from privacy.rights.payload import Act, BundleRef, Evidence, EvidenceKind, Ground, Necessity, Payload
from privacy.rights.register import Register
from privacy.rights.rows import Request
from privacy.rights.states import Right, State

__all__ = [
    "Act",
    "BundleRef",
    "Evidence",
    "EvidenceKind",
    "Ground",
    "Necessity",
    "Payload",
    "Register",
    "Request",
    "RequestHolds",
    "Right",
    "State",
]
