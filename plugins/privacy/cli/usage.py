"""What wrong usage is told as: without what was typed, which may be somebody's address in the wrong place."""

from __future__ import annotations

import enum
from typing import Any

import typer

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer exports one of its usage errors; this is what they have in common."""


def discreet(problem: Any) -> Any:
    """The same usage error, in words that repeat no value: only what the command itself is made of.

    :param problem: a :data:`UsageError`; its class, context and exit status stay.
    """
    problem.message = _words(problem, str(problem.message))
    return problem


def _words(problem: Any, said: str) -> str:
    kind = type(problem).__name__
    if kind == "NoArgsIsHelpError":
        return said
    if kind == "NoSuchOption":
        problem.possibilities = None
        known = _options(problem.ctx)
        return "There is no such option" + (f"; there are: {', '.join(known)}" if known else "") + "."
    if kind == "BadParameter":
        choices = _members(problem)
        return f"it is none of: {', '.join(choices)}" if choices else "it cannot be that."
    if kind in ("MissingParameter", "BadOptionUsage", "BadArgumentUsage"):
        return said  # They name the option or argument alone.
    if said.startswith("Got unexpected extra argument"):
        known = [name for name in _options(problem.ctx) if name not in ("--help", "--json")]
        return "Something stands there that belongs to no option" + (f" ({', '.join(known)})" if known else "") + "."
    if said.startswith("No such command"):
        names = sorted(getattr(problem.ctx.command, "commands", {})) if problem.ctx else []
        return f"There is no such command; there are: {', '.join(names)}."
    return said if said == "Missing command." else "That cannot be understood."


def _options(ctx: Any) -> list[str]:
    """The long options of the command in hand."""
    params = ctx.command.get_params(ctx) if ctx is not None else []
    return [name for p in params for name in getattr(p, "opts", ()) if name.startswith("--")]


def _members(problem: Any) -> list[str]:
    """The words of an option that takes one of a few."""
    annotation = getattr(getattr(problem.param, "type_descriptor", None), "annotation", None)
    few = isinstance(annotation, type) and issubclass(annotation, enum.Enum)
    return [str(member.value) for member in annotation] if few and annotation is not None else []
