"""The page on which a person says yes or no to an application that wants into their Salesloft."""

from html import escape

from sandbox.salesloft.answers import HTML, Answer
from sandbox.salesloft.auth import Application
from sandbox.salesloft.world import Team

__all__ = ["consent_page", "refusal_page"]

_STYLE = (
    "body{font:1rem/1.5 sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}"
    "fieldset{border:1px solid #767676;margin:1rem 0}label{display:block;padding:.25rem 0}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}"
)


def consent_page(application: Application, query: dict[str, str], teams: list[Team], chosen: int | None) -> Answer:
    """Who to connect as, what is asked for, and two buttons; the form sends the request back with the answer."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in query.items()
        if name not in {"user_id", "decision"}
    )
    people = [(team, user) for team in teams for user in team.users if user.active]
    first = chosen if chosen is not None else (people[0][1].id if people else None)
    choices = "".join(
        f'<label><input type="radio" name="user_id" value="{user.id}"{" checked" if user.id == first else ""}> '
        f"{escape(team.name)}: {escape(user.first_name)} {escape(user.last_name)}</label>"
        for team, user in people
    )
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in application.scopes.split())
    return _page(
        f"<h1>Allow {escape(application.client_id)} to use Salesloft?</h1>"
        f'<form method="post" action="/oauth/authorize">{kept}'
        f"<fieldset><legend>Connect as</legend>{choices}</fieldset>"
        f"<p>It will be able to use:</p><ul>{scopes}</ul>"
        '<button name="decision" value="approve">Approve</button><button name="decision" value="deny">Deny</button>'
        "</form>",
        status=200,
    )


def refusal_page(said: str) -> Answer:
    """Shown instead of going back to an address that cannot be trusted."""
    return _page(f"<h1>This application cannot be connected</h1><p>{escape(said)}</p>", status=401)


def _page(content: str, *, status: int) -> Answer:
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Salesloft</title>'
        f"<style>{_STYLE}</style></head><body><main>{content}</main></body></html>"
    )
    return Answer(status=status, body=page.encode(), media_type=HTML)
