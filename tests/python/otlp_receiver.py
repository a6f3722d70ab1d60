"""An OTLP/HTTP receiver of logs that knows nothing of Tapio but the protocol's own definitions.

Says its port, and then one line of JSON per request: what it decoded, or why it could not. With
`--reject N` it takes all but N records of the first request and says so as the protocol has it;
with `--busy N` it first answers 503 so often.
"""

import argparse
import http.server
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as service


def plain(value):
    kind = value.WhichOneof("value")
    return [kind, getattr(value, kind)] if kind else None


def attributes(pairs):
    found = {pair.key: plain(pair.value) for pair in pairs}
    assert len(found) == len(pairs), "a key stands there twice"
    return found


def records(request):
    for resource in request.resource_logs:
        of_resource = attributes(resource.resource.attributes)
        for scope in resource.scope_logs:
            for record in scope.log_records:
                yield {
                    "resource": of_resource,
                    "scope": scope.scope.name,
                    "time": record.time_unix_nano,
                    "observed": record.observed_time_unix_nano,
                    "severity": [record.severity_number, record.severity_text],
                    "event": record.event_name,
                    "body": plain(record.body),
                    "attributes": attributes(record.attributes),
                }


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.busy > 0:
            self.server.busy -= 1
            return self.answer(503, service.ExportLogsServiceResponse())
        said = {"path": self.path, "type": self.headers["Content-Type"], "key": self.headers["X-Key"]}
        response = service.ExportLogsServiceResponse()
        try:
            request = json_format.Parse(body, service.ExportLogsServiceRequest())
            said["records"] = list(records(request))
        except (json_format.ParseError, AssertionError) as error:
            said["error"] = str(error)
        rejected = min(self.server.reject, len(said.get("records", [])))
        if rejected:
            self.server.reject = 0
            response.partial_success.rejected_log_records = rejected
            response.partial_success.error_message = "no room"
        print(json.dumps(said), flush=True)
        self.answer(400 if "error" in said else 200, response)

    def answer(self, status, response):
        body = json_format.MessageToJson(response).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reject", type=int, default=0)
    parser.add_argument("--busy", type=int, default=0)
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.reject, server.busy = options.reject, options.busy
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
