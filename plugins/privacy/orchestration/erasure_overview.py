"""The plan of an erasure for an operator: what becomes of how many records, until when, on what ground. Nobody's."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from privacy.plans.erasure import Erasure, Fate, Part

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap

_SAID = {
    Fate.DELETED: "goes now",
    Fate.SET: "is emptied now",
    Fate.SHARED: "loses what is theirs now; somebody else is in it",
    Fate.REFERENCED: "is emptied now to a number that retained records refer to",
    Fate.RETAINED: "is retained",
    Fate.WAITING: "goes later",
    Fate.REVIEW: "stays: it only speaks of them, or is among staff",
}


def figures(datamap: DataMap, made: Erasure) -> pd.DataFrame:
    """A row for each part: dataset, records, what becomes of them, until when, and why.

    :returns: columns dataset, records, what, until, why, held.
    """
    rows = [
        {
            "dataset": part.dataset, "records": part.records, "what": _SAID[part.fate],
            "until": "; ".join(until(part)), "why": why(datamap, part),
            "held": ", ".join(f"{kind} {count}" for kind, count in part.held.items()),
        }
        for part in made.parts
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "records", "what", "until", "why", "held"])


def until(part: Part) -> list[str]:
    """Until when records are retained, in words; the earliest first."""
    said = [f"{count} until {date.fromisoformat(day):%-d %b %Y}" for day, count in sorted(part.until.items()) if day]
    return said + [f"{count} until a day that is not known yet" for day, count in part.until.items() if not day]


def why(datamap: DataMap, part: Part) -> str:
    """The legal ground on which records stay, or what they wait for."""
    dataset = datamap[part.dataset].dataset
    if part.fate is Fate.RETAINED:
        return dataset.erasure.ground.en if dataset.erasure.ground else ""
    if part.fate is not Fate.WAITING:
        return ""
    from privacy.rights.erasing import grounds

    return "; ".join(text.en for text in grounds(datamap, part))


def words(datamap: DataMap, made: Erasure) -> str:
    """All in one sentence: how many now, how many later and for what, how many are retained until when."""
    if not made.parts:
        return "NOTHING FOUND under what the request names: is it written as the shop writes it?"
    now = sum(part.records for part in made.parts if not part.fate.stays)
    said = [f"{now} now"]
    waiting = [part for part in made.parts if part.fate is Fate.WAITING]
    if waiting:
        grounds = dict.fromkeys(why(datamap, part) for part in waiting)
        said.append(f"{sum(part.records for part in waiting)} later ({'; '.join(grounds)})")
    for part in made.parts:
        if part.fate is Fate.RETAINED:
            said.append(f"{part.dataset}: {', '.join(until(part))} ({why(datamap, part)})")
    review = sum(part.records for part in made.parts if part.fate is Fate.REVIEW)
    if review:
        said.append(f"{review} stay: they only speak of them, or are among staff")
    held = sum(sum(part.held.values()) for part in made.parts)
    if held:
        said.append(f"of what goes now {held} are held, and go when that ends")
    return "; ".join(said) + "."


def body(datamap: DataMap, made: Erasure) -> str:
    """What an operator reads before they answer."""
    table = figures(datamap, made).to_markdown(index=False)
    return (
        f"Erasure of request {made.request} (art. 17 GDPR).\n\n**{words(datamap, made)}**\n\n{table}\n\n"
        "What goes cannot be brought back. What goes later is done by a daily run, without asking again.\n\n"
        f"Plan `{made.digest[:12]}` as of {made.as_of}."
    )
