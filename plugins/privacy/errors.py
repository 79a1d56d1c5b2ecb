"""The tree of errors, grouped by what the caller does next.

::

    PrivacyError                    never raised itself
    ├── RetryLater                  try again by itself: a lock, a lost connection, a file rotated meanwhile
    ├── GiveUp                      somebody must repair something first; trying again cannot help
    │   ├── BadConfiguration        data map, policy, SQL file, setting or connection
    │   ├── BadInput                what was typed or sent: an unknown request, a wrong number
    │   ├── Unreadable              a record, file or store that cannot be read whole
    │   └── Tampered                evidence or a sealed thing that is not what was recorded
    └── AskPerson                   a person decides first
        ├── AmbiguousIdentity       an identifier that leads to more than one person
        └── Refused                 a step that the state, a hold or a rule does not allow

Every error says what happened (``message``), where (``where``: a file, dataset, request number), and what to do
(``advice``), under a stable ``code``. None of the four ever holds a name, an address or another identifier of a person:
drivers' errors quote them, so they are turned into these with :func:`raise ... from None`.
"""

from __future__ import annotations


class PrivacyError(Exception):
    """Base of all errors of this library.

    :param code: stable, dotted, lower case, e.g. ``weblogs.truncated``; what Airflow, logs and the ledger may hold.
    :param message: what happened, one sentence, no identifier of a person.
    :param where: the file, dataset, table or request number concerned.
    :param advice: what the reader can do about it, one sentence.
    """

    def __init__(self, code: str, message: str, *, where: str = "", advice: str = "") -> None:
        # A question at the end ("did you mean ...?") ends the sentence.
        message = message.removesuffix(".") if message.endswith("?.") else message
        super().__init__(code, message, where, advice)
        self.code = code
        self.message = message
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        advice = f" {self.advice}" if self.advice else ""
        return f"[{self.code}] {self.message}{place}{advice}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.message, self.where, self.advice))


def _rebuild(kind: type[PrivacyError], code: str, message: str, where: str, advice: str) -> PrivacyError:
    return kind(code, message, where=where, advice=advice)


class RetryLater(PrivacyError):
    """The same call may work in a moment; nothing was half done."""


class GiveUp(PrivacyError):
    """Trying again cannot help until somebody repairs what the message names."""


class BadConfiguration(GiveUp):
    """The data map, the policy, a SQL file, a setting or a connection is wrong."""


class BadInput(GiveUp):
    """What was typed or sent is wrong: an unknown request, a wrong check digit."""


class Unreadable(GiveUp):
    """A record, file or store cannot be read whole, so nothing that needs it may look complete."""


class Tampered(GiveUp):
    """Evidence or a sealed file is not what was recorded of it."""


class AskPerson(PrivacyError):
    """A person has to decide before this can go on."""


class AmbiguousIdentity(AskPerson):
    """An identifier of the request leads to more than one person.

    ``question`` (a :class:`privacy.identity.Question`) is personal: for the register alone, in no message, not pickled.
    """

    question: object = None


class Refused(AskPerson):
    """The step is not allowed in this state; the advice says which step is."""
