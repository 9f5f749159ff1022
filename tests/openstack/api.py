# SPDX-License-Identifier: Apache-2.0
"""The APIs of the control plane over plain HTTP, as admin."""

import http.client
import json
import time
import urllib.error
import urllib.request

LOST = (ConnectionError, http.client.HTTPException, TimeoutError)


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class Api:
    def __init__(self, settings):
        at = {"identity": "KS_PORT", "compute": "NOVA_PORT", "placement": "PL_PORT",
              "image": "GL_PORT"}
        self.urls = {name: f"http://127.0.0.1:{settings[port]}" for name, port in at.items()}
        self.urls["compute"] += "/v2.1"
        self.password = settings["PW"]
        self.token, self.token_time = None, 0

    def _send(self, service, method, path, body, headers):
        request = urllib.request.Request(self.urls[service] + path, method=method)
        data = None if body is None else json.dumps(body).encode()
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.add_header(name, value)
        # The APIs' web server resets a connection now and then: what repeats safely is repeated.
        for attempt in range(6):
            try:
                with urllib.request.urlopen(request, data, timeout=90) as answer:
                    return answer.headers, answer.read()
            except urllib.error.HTTPError as e:
                raise Refused(e.code, e.read().decode(errors="replace")) from None
            except urllib.error.URLError as e:
                if method == "POST" or attempt == 5 or not isinstance(e.reason, LOST):
                    raise
            except LOST:
                if method == "POST" or attempt == 5:
                    raise
        raise AssertionError("not reached")

    def _log_in(self):
        domain = {"id": "default"}
        user = {"name": "admin", "password": self.password, "domain": domain}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                         "scope": {"project": {"name": "admin", "domain": domain}}}}
        headers, _ = self._send("identity", "POST", "/v3/auth/tokens", body, {})
        self.token, self.token_time = headers["X-Subject-Token"], time.monotonic()

    def ask(self, service, method, path, body=None, version=None):
        """The JSON that was answered, None when there was none. Raises Refused."""
        if time.monotonic() - self.token_time > 1800 or not self.token:
            self._log_in()
        headers = {"X-Auth-Token": self.token}
        if version:
            headers["OpenStack-API-Version"] = f"{service} {version}"
        _, text = self._send(service, method, path, body, headers)
        return json.loads(text) if text.strip() else None

    def compute(self, method, path, body=None, version="2.90"):
        return self.ask("compute", method, path, body, version)

    def placement(self, path, version="1.28"):
        return self.ask("placement", "GET", path, version=version)


def wait(seconds, what, look, every=0.05):
    """What look() gives as soon as it is true; AssertionError after the time."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)
