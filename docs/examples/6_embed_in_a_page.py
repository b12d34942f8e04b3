"""A page of another origin that shows a customer and a stakeholder, and hands on the token of whoever reads it.

CSCX_SALESLOFT_API=https://... CSCX_SALESLOFT_TOKEN=... python 6_embed_in_a_page.py CUSTOMER STAKEHOLDER

It says where it is, and goes on until it is stopped. See docs/embedding.md for what has to be allowed.
"""

import os
import sys
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

service = os.environ["CSCX_SALESLOFT_API"]
customer_id, stakeholder_id = (escape(id_) for id_ in sys.argv[1:])

PAGE = f"""<!doctype html>
<html lang="en">
<head>
  <meta name="color-scheme" content="light dark">
  <title>A customer</title>
  <script type="module" src="{service}/elements/cscx-salesloft.js"></script>
  <script type="module" src="/page.js"></script>
</head>
<body>
  <main>
    <h1>A customer</h1>
    <cscx-salesloft-customer customer-id="{customer_id}"></cscx-salesloft-customer>
    <cscx-salesloft-contact stakeholder-id="{stakeholder_id}"></cscx-salesloft-contact>
  </main>
</body>
</html>
"""
SCRIPT = """
for (const element of document.querySelectorAll("cscx-salesloft-customer, cscx-salesloft-contact")) {
  element.getToken = async ({ refused }) => {
    const answer = await fetch("/token", { cache: refused ? "reload" : "default" });
    return answer.ok ? answer.text() : null;
  };
}
"""
POLICY = f"default-src 'none'; script-src 'self' {service}; connect-src 'self' {service}"
# What is told of a token's reader is theirs alone: a real page knows them by its own session.
ANSWERS = {
    "/": ("text/html", PAGE),
    "/page.js": ("text/javascript", SCRIPT),
    "/token": ("text/plain", os.environ["CSCX_SALESLOFT_TOKEN"]),
}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        media_type, text = ANSWERS.get(self.path, ("text/plain", ""))
        self.send_response(200 if self.path in ANSWERS else 404)
        self.send_header("content-type", f"{media_type}; charset=utf-8")
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


with ThreadingHTTPServer(("localhost", 0), Page) as server:
    print(f"http://localhost:{server.server_port}", flush=True)
    server.serve_forever()
