"""What the ledger's words are called in Dutch and English, for pages that people read."""

from __future__ import annotations

LABELS: dict[str, tuple[str, str]] = {
    "kind": ("soort", "kind"), "at": ("wanneer", "when"), "actor": ("door", "by"), "run": ("verwerking", "run"),
    "request": ("verzoek", "request"), "rule": ("regel", "rule"), "pipeline": ("procedure", "pipeline"),
    "promises": ("beloften", "promises"), "limit": ("bewaartermijn", "retention period"),
    "as_of": ("naar de stand van", "as of"), "bound": ("begonnen vóór", "started before"),
    "plan_digest": ("vingerafdruk van het plan", "digest of the plan"), "candidates": ("gepland", "planned"),
    "code_version": ("programma", "program"), "policy_version": ("privacyverklaring", "privacy statement"),
    "status": ("afloop", "outcome"), "reason": ("reden", "reason"), "datasets": ("per dataset", "by dataset"),
    "records": ("records", "records"), "bytes": ("bytes", "bytes"), "deleted": ("verwijderd", "deleted"),
    "retained": ("gebleven, met reden", "retained, with reason"), "held": ("vastgehouden", "held"),
    "failed": ("mislukt", "failed"), "omitted": ("weggelaten", "omitted"),
    "unattributed": ("van niemand", "unattributed"), "oldest_remaining": ("oudste dat bleef", "oldest remaining"),
    "late": ("te laat", "late"), "late_by": ("hoeveel te laat", "late by"), "undated": ("zonder datum", "undated"),
    "future": ("met een datum in de toekomst", "dated in the future"),
    "foreseen": ("verwacht bij de volgende keer", "foreseen for the next run"), "digest": ("vingerafdruk", "digest"),
    "derived": ("achteraf vastgesteld", "derived afterwards"), "hold": ("bewaring", "hold"),
    "ground": ("grondslag", "ground"), "dataset": ("dataset", "dataset"), "right": ("recht", "right"),
    "count": ("aantal", "count"), "revision": ("versie", "revision"), "received_at": ("ontvangen", "received"),
    "first": ("van nummer", "from number"), "last": ("tot en met nummer", "to number"),
    "inner_sha256": ("vingerafdruk, open", "digest, opened"),
    "outer_sha256": ("vingerafdruk, verzegeld", "digest, sealed"),
}  # fmt: skip

KINDS: dict[str, tuple[str, str]] = {
    "run.begun": ("begonnen", "begun"), "run.ended": ("geëindigd", "ended"),
    "purge.asked": ("toestemming gevraagd", "approval asked"), "purge.approved": ("goedgekeurd", "approved"),
    "purge.refused": ("geweigerd", "refused"), "purge.unanswered": ("niet beantwoord", "not answered"),
    "purge.started": ("verwijderen begonnen", "deleting begun"),
    "purge.closing": ("verwijderen afgebroken", "deleting broken off"),
}  # fmt: skip

STATUS: dict[str, tuple[str, str]] = {
    "done": ("voltooid", "done"), "failed": ("mislukt", "failed"), "stopped": ("gestopt", "stopped"),
    "begun": ("niet geëindigd", "not ended"),
}  # fmt: skip

RECEIPT: dict[str, object] = {
    "good": "Echt: elke regel is nagerekend en klopt met de handtekening. / "
    "Genuine: every line was recomputed, and fits the signature.",
    "bad": "NIET ECHT: dit bestand is veranderd of beschadigd. Het bewijst niets. / "
    "NOT GENUINE: this file was altered or damaged. It proves nothing.",
    "cannot": "Niet gecontroleerd: deze browser kan niet rekenen met SHA-256. Er is niets bewezen. / "
    "Not checked: this browser cannot compute SHA-256. Nothing is proven.",
    "kept": {
        "nl": "Regels {first} tot en met {last} zijn nagerekend tot de kop van het logboek die op {at} is getekend, "
        "bij het vastleggen of een latere controle. Er staan {between} regels van andere verwerkingen tussen.",
        "en": "Lines {first} to {last} were recomputed up to the ledger's head that was signed on {at}, when they were "
        "recorded or at a later verification. {between} lines of other runs stand between them.",
    },
    "fresh": {
        "nl": "Regels {first} tot en met {last} zijn nagerekend tot een kop die op {at} is getekend, bij het maken van "
        "dit bewijs en nadat het hele logboek was gecontroleerd. Er staan {between} regels van andere verwerkingen "
        "tussen.",
        "en": "Lines {first} to {last} were recomputed up to a head that was signed on {at}, when this receipt was "
        "made and after the whole ledger was verified. {between} lines of other runs stand between them.",
    },
}
"""What a receipt says of itself; in ``kept`` and ``fresh`` names in braces are filled in by the page."""

EXPORT: dict[str, dict[str, str]] = {
    "nl": {
        "lang": "nl",
        "title": "Verantwoording van bewaartermijnen",
        "period": "Periode",
        "statement": "Privacyverklaring",
        "made": "Gemaakt",
        "summary": "Overzicht",
        "rule": "Regel",
        "promise": "Belofte",
        "term": "Bewaartermijn",
        "done": "Voltooid",
        "notdone": "Niet voltooid",
        "deleted": "Verwijderd",
        "oldest": "Oudste dat bleef",
        "lastdone": "Laatst voltooid, naar de stand van",
        "runs": "Verwerkingen",
        "begun": "Begonnen",
        "outcome": "Afloop",
        "bound": "Begonnen vóór",
        "held": "Vastgehouden",
        "retained": "Gebleven, met reden",
        "failed": "Mislukt",
        "late": "Te laat",
        "by": "Door",
        "entries": "Logregels",
        "noruns": "In deze periode is deze regel niet uitgevoerd.",
        "exceptions": "Uitzonderingen",
        "noexceptions": "Geen.",
        "approvals": "Vragen en antwoorden",
        "proof": "Bewijs",
        "prooftext": "Het hele logboek is bij het maken van dit document nagerekend: elke regel is met SHA-256 aan de"
        " vorige geketend, en de kop van de keten is met Ed25519 getekend, buiten de database. De "
        "handtekening staat over de canonieke JSON (RFC 8785) van at, hash en seq. Vergelijk de "
        "vingerafdruk van de sleutel met die welke u langs een andere weg kreeg.",
        "own": "Logregels van deze periode",
        "verified": "Nagerekende logregels",
        "head": "Kop",
        "signed": "Getekend",
        "signature": "Handtekening",
        "key": "Openbare sleutel",
        "print": "Vingerafdruk",
    },
    "en": {
        "lang": "en",
        "title": "Evidence of retention periods",
        "period": "Period",
        "statement": "Privacy statement",
        "made": "Made",
        "summary": "Overview",
        "rule": "Rule",
        "promise": "Promise",
        "term": "Retention period",
        "done": "Done",
        "notdone": "Not done",
        "deleted": "Deleted",
        "oldest": "Oldest remaining",
        "lastdone": "Last done, as of",
        "runs": "Runs",
        "begun": "Begun",
        "outcome": "Outcome",
        "bound": "Started before",
        "held": "Held",
        "retained": "Retained, with reason",
        "failed": "Failed",
        "late": "Late",
        "by": "By",
        "entries": "Entries",
        "noruns": "This rule was not run in this period.",
        "exceptions": "Exceptions",
        "noexceptions": "None.",
        "approvals": "Questions and answers",
        "proof": "Proof",
        "prooftext": "The whole ledger was recomputed when this document was made: each entry is chained to the one "
        "before by SHA-256, and the head of the chain is signed with Ed25519, outside of the database. "
        "The signature is over the canonical JSON (RFC 8785) of at, hash and seq. Compare the "
        "fingerprint of the key with one that you were given in another way.",
        "own": "Entries of this period",
        "verified": "Entries recomputed",
        "head": "Head",
        "signed": "Signed",
        "signature": "Signature",
        "key": "Public key",
        "print": "Fingerprint",
    },
}
"""The words of the page for a supervisor."""
