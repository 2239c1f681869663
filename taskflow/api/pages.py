"""/setup: the one page that the API has itself, on which the first administrator sets a password.

The token of the link stands behind the #, which browsers keep to themselves: it is in no log and in
no Referer.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.response import Redirect

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>taskflow: set a password</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/setup/page.css"></head>
<body><main><h1>taskflow</h1>
<form id="form"><p>Set the password of your user. At least 12 characters; a sentence is easy to
remember.</p>
<label>Password <input id="password" type="password" minlength="12" maxlength="256"
 autocomplete="new-password" required autofocus></label>
<label>Once more <input id="again" type="password" autocomplete="new-password" required></label>
<button>Set it</button></form>
<p id="said" role="status"></p>
<noscript>This page needs JavaScript. Without it: POST {"token": "...", "password": "..."} to
/api/v1/auth/setup; the token is what follows the # of this address.</noscript>
</main><script src="/setup/page.js"></script></body></html>
"""
STYLE = b""":root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { display: grid; place-items: center; min-height: 100vh; margin: 0 }
main { width: min(26rem, 92vw) }
label { display: block; margin: .75rem 0 }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem }
button { font: inherit; padding: .5rem 1rem; margin-top: .5rem }
#said { min-height: 1.5em }
"""
SCRIPT = b"""const form = document.getElementById("form");
const said = document.getElementById("said");
const field = (name) => document.getElementById(name);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (field("password").value !== field("again").value) {
    said.textContent = "The two passwords differ.";
    return;
  }
  const answer = await fetch("/api/v1/auth/setup", {
    method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify({token: location.hash.slice(1), password: field("password").value}),
  });
  const found = await answer.json();
  if (answer.ok) {
    history.replaceState(null, "", location.pathname);
    form.hidden = true;
    said.textContent = `Done: ${found.me.name} can log in now. `;
    const link = {href: "/docs", textContent: "The API"};
    said.append(Object.assign(document.createElement("a"), link));
  } else {
    said.textContent = `${found.detail} (${found.code}) ${found.hint || ""}`;
  }
});
"""


@get("/", name="pages.root", include_in_schema=False)
async def root() -> Redirect:
    """What a browser that was given the bare address is to see."""
    return Redirect("/docs")


@get("/setup", name="pages.setup", include_in_schema=False)
async def setup() -> Response[bytes]:
    """The page of a one-time link."""
    return Response(PAGE, media_type="text/html", headers={"content-security-policy": POLICY})


@get("/setup/page.css", name="pages.style", include_in_schema=False)
async def style() -> Response[bytes]:
    return Response(STYLE, media_type="text/css")


@get("/setup/page.js", name="pages.script", include_in_schema=False)
async def script() -> Response[bytes]:
    return Response(SCRIPT, media_type="text/javascript")


ROUTES: list[Any] = [root, setup, style, script]
