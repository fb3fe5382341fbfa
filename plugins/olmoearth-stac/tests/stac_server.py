"""A STAC API on this machine that can be told to misbehave: for each path a list of what the next answers do."""

import base64
import json
import threading
from collections import defaultdict
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/collections",
]  # fmt: skip


class StacServer:
    """items: STAC items. files: path -> bytes. faults: path -> what the next answers do, in order.

    A fault is ("status", code, headers), ("cut", bytes sent), ("text", body), ("slow", seconds), ("change", bytes) or
    ("hold", bytes sent before it falls silent).
    requests: (method, path with query, headers) of all that came. page: items per page. tokens: what opens `/signed/`.
    """

    def __init__(self):
        self.items, self.files, self.faults, self.requests = [], {}, defaultdict(list), []
        self.page, self.tokens, self.expiry, self.etags = 2, [], "2099-01-01T00:00:00Z", True
        self.halt = threading.Event()
        handler = type("Handler", (_Handler,), {"stac": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        # Clients are killed here on purpose.
        self.http.handle_error = lambda *_: None
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://localhost:{self.http.server_port}"

    def paths(self, start=""):
        return [path.partition("?")[0] for _, path, _ in self.requests if path.startswith(start)]

    def stop(self):
        self.halt.set()
        if self.thread.is_alive():
            self.http.shutdown()
            self.thread.join()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stac: StacServer

    def log_message(self, *_):
        pass

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.answer("POST", json.loads(self.rfile.read(length) or b"{}"))

    def do_GET(self):
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        if "collections" in query:
            query["collections"] = query["collections"].split(",")
        if "bbox" in query:
            query["bbox"] = [float(v) for v in query["bbox"].split(",")]
        self.answer("GET", query)

    def answer(self, method, query):
        path = urlsplit(self.path).path
        self.stac.requests.append((method, self.path, dict(self.headers)))
        fault = self.stac.faults[path].pop(0) if self.stac.faults[path] else None
        if fault and fault[0] == "status":
            return self.send(fault[1], b"no", fault[2] if len(fault) > 2 else {})
        if fault and fault[0] == "text":
            return self.send(200, fault[1].encode())
        if fault and fault[0] == "slow":
            self.stac.halt.wait(fault[1])
        if path in ("", "/"):
            return self.json(self.landing())
        if path == "/search":
            return self.json(self.search(method, query))
        if path.startswith("/token/"):
            return self.json({"token": self.stac.tokens[0], "msft:expiry": self.stac.expiry})
        if path.startswith("/signed/") and urlsplit(self.path).query not in self.stac.tokens[:1]:
            return self.send(403, b"no signature")
        if path in self.stac.files:
            return self.file(self.stac.files[path], fault)
        return self.send(404, b"nothing here")

    def landing(self):
        url = self.stac.url
        links = [
            {"rel": "root", "href": url, "type": "application/json"},
            {"rel": "self", "href": url, "type": "application/json"},
            {"rel": "search", "href": f"{url}/search", "type": "application/geo+json", "method": "GET"},
            {"rel": "search", "href": f"{url}/search", "type": "application/geo+json", "method": "POST"},
        ]
        return {
            "type": "Catalog", "id": "local", "description": "local", "stac_version": "1.0.0", "links": links,
            "conformsTo": CONFORMS,
        }  # fmt: skip

    def search(self, method, query):
        found = [item for item in self.stac.items if _asked(item, query)]
        start = int(base64.b64decode(query.get("token", "")) or 0)
        size = min(self.stac.page, int(query.get("limit", 10)))
        links = []
        if start + size < len(found):
            token = base64.b64encode(str(start + size).encode()).decode()
            link = {"rel": "next", "type": "application/geo+json", "method": method, "href": f"{self.stac.url}/search"}
            if method == "POST":
                link |= {"body": {**query, "token": token}}
            else:
                box = ",".join(map(str, query["bbox"]))
                asked = f"collections={','.join(query['collections'])}&bbox={box}&datetime={query.get('datetime', '')}"
                link["href"] += f"?{asked}&limit={size}&token={token}"
            links.append(link)
        return {"type": "FeatureCollection", "features": found[start : start + size], "links": links}

    def file(self, content, fault):
        if fault and fault[0] == "change":
            content = fault[1]
        tag = f'"{hash(content) & 0xFFFFFFFF:08x}"'
        span, same = self.headers.get("Range"), self.headers.get("If-Range") in (None, tag)
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and same else 0
        if start > len(content):
            return self.send(416, b"")
        headers = {"ETag": tag} if self.stac.etags else {}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = fault[1] if fault and fault[0] in ("cut", "hold") else None
        return self.send(
            206 if start else 200, content[start:], headers, cut=cut, hold=bool(fault and fault[0] == "hold")
        )

    def json(self, value):
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status, body, headers=None, *, cut=None, hold=False):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body if cut is None else body[:cut])
            self.wfile.flush()
        except OSError:
            return
        if hold:
            self.stac.halt.wait(30)
        if cut is not None:
            self.close_connection = True


def _asked(item, query):
    west, south, east, north = query["bbox"]
    left, low, right, high = item["bbox"]
    if item["collection"] not in query["collections"] or left > east or right < west or low > north or high < south:
        return False
    if not query.get("datetime"):
        return True
    start, end = (datetime.fromisoformat(text) for text in query["datetime"].split("/"))
    return start <= datetime.fromisoformat(item["properties"]["datetime"]) <= end
