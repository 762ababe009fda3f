"""A timestamp authority (RFC 3161) for tests: OpenSSL behind a small HTTP server."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
x509_extensions = root
prompt = no
[name]
CN = A root for tests
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[stamps]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = test
[test]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "root.pem"
        (folder / "config").write_text(CONFIG)
        (folder / "serial").write_text("01\n")
        key = "-newkey rsa:2048 -nodes -config config"
        self._openssl(f"req -x509 {key} -keyout root.key -out root.pem -days 9")
        self._openssl(f"req -new {key} -subj /CN=Stamps -keyout tsa.key -out tsa.csr")
        signs = "-CA root.pem -CAkey root.key -CAcreateserial -extfile config -extensions stamps"
        self._openssl(f"x509 -req -in tsa.csr -out tsa.pem -days 9 {signs}")

    def answer(self, query: bytes) -> bytes:
        (self._folder / "query").write_bytes(query)
        self._openssl("ts -reply -config config -queryfile query -inkey tsa.key -signer tsa.pem -out reply")
        return (self._folder / "reply").read_bytes()

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self._folder, check=True, capture_output=True)


@contextmanager
def serving(authority: Authority) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            reply = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
