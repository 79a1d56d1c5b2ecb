"""The ``privacy`` command. Errors are one line that says what to do; ``--json`` is for machines."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from privacy.cli.bundle import app as bundle_app
from privacy.cli.common import Json, lines, tell, workbench
from privacy.cli.datamap import app as datamap_app
from privacy.cli.disclosure import app as disclosure_app
from privacy.cli.doctor import doctor as doctor_command
from privacy.cli.erasures import app as erasures_app
from privacy.cli.explain import explain as explain_command
from privacy.cli.hold import app as hold_app
from privacy.cli.ledger import app as ledger_app
from privacy.cli.logs import app as logs_app
from privacy.cli.notices import app as notices_app
from privacy.cli.policy import app as policy_app
from privacy.cli.purge import app as purge_app
from privacy.cli.request import app as request_app
from privacy.cli.stop import app as stop_app
from privacy.cli.usage import UsageError, discreet
from privacy.errors import PrivacyError


class OneLineErrors(TyperGroup):
    """Ends every command that fails with one line on stderr (a line each for several mistakes) and status 1."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Understand the words before the command's own name."""
        try:
            return super().make_context(*args, **more)
        except UsageError as problem:
            raise discreet(problem) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except UsageError as problem:
            raise discreet(problem) from None
        except PrivacyError as problem:
            fail(*lines(problem))
        except BrokenPipeError:
            raise typer.Exit(1) from None
        except PermissionError as problem:
            # A place on this machine, not a person's data.
            fail(
                f"[cli.denied] This user may not read or write {problem.filename}. Give the right, or be another user."
            )
        except Exception as problem:
            if type(problem).__module__.startswith("typer"):
                raise  # wrong usage, an exit: Typer's own
            # Neither its text nor a traceback is shown: both may quote a person's data.
            last = traceback.extract_tb(problem.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            fail(f"[cli.unexpected] {type(problem).__name__} ({place}) This is a mistake in the program: report it.")


def fail(*lines: str) -> None:
    """End with an error."""
    typer.echo("error: " + "\n".join(lines), err=True)
    raise typer.Exit(1) from None


app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Requests of data subjects, the data map, bundles and the ledger.",
)
app.add_typer(request_app, name="request", help="The register of requests.")
app.add_typer(bundle_app, name="bundle", help="Sealed bundles.")
app.add_typer(datamap_app, name="datamap", help="What is held, on whom, why.")
app.add_typer(ledger_app, name="ledger", help="The compliance records.")
app.add_typer(logs_app, name="logs", help="The web servers' logs.")
app.add_typer(erasures_app, name="erasures", help="What erasures forgot, and must stay forgotten.")
app.add_typer(notices_app, name="notices", help="What processors were told.")
app.add_typer(policy_app, name="policy", help="Versions of the privacy statement.")
app.add_typer(purge_app, name="purge", help="What is past its term.")
app.add_typer(hold_app, name="hold", help="What must not be deleted now.")
app.add_typer(stop_app, name="stop", help="Whose data are not to be processed.")
app.add_typer(disclosure_app, name="disclosure", help="What was given to authorities and others.")
app.command("explain")(explain_command)
app.command("doctor")(doctor_command)


@app.command()
def init(as_json: Json = False) -> None:
    """Make what this installation needs: state folder, master key, database. Safe to repeat."""
    house = workbench()
    made = [str(path) for path in house.found()]
    text = "\n".join(["made: " + path for path in made] or ["everything was there"])
    tell({"state": str(house.settings.state), "made": made}, f"state: {house.settings.state}\n{text}", as_json=as_json)
