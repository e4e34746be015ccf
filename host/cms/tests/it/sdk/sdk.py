"""What the official SDKs make of requests: `aliyun-python-sdk-core` and `alibabacloud_cms20190101`.

`sdk.py sign` prints requests as both sign them, one JSON object a line, with fixed nonces and times and a fixed seed.
`sdk.py report ADDRESS` reports one datum to a gateway with each of them.
"""

import json
import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from alibabacloud_cms20190101 import models
from alibabacloud_cms20190101.client import Client
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_openapi.utils_models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.composer import rpc_signature_composer
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from aliyunsdkcore.utils import parameter_helper

REQUESTS = 200
CHARACTERS = "aZ09-_.~ !*'()+/=&%#?,:;@\"\\{}[]<>|^`$é春天🚪\u0301\n\t"


def text(rng, most):
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(1, most)))


def secret(rng):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/="
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, 64)))


def entry(rng):
    dimensions = {text(rng, 10): text(rng, 20) for _ in range(rng.randint(0, 10))}
    return {
        "GroupId": str(rng.randint(0, 2**40)),
        "MetricName": text(rng, 64),
        "Dimensions": json.dumps(dimensions, ensure_ascii=rng.random() < 0.5),
        "Type": rng.choice(["0", "1"]),
        "Values": json.dumps({"Sum": rng.random(), "P99": rng.randint(-9, 9)}),
        "Period": rng.choice(["60", "300"]),
        "Time": str(rng.randint(10**12, 10**13 - 1)),
    }


def case(rng):
    return {
        "entries": [entry(rng) for _ in range(rng.randint(1, 21))],
        "key": secret(rng),
        "secret": secret(rng),
        "token": text(rng, 60) if rng.random() < 0.5 else None,
        "nonce": f"{rng.getrandbits(128):032x}",
        "time": "2026-11-%02dT%02d:05:06Z" % (rng.randint(1, 30), rng.randint(0, 23)),
    }


def old(case):
    """The URL that the older SDK would ask, and what it signs."""
    parameters = {"Action": "PutCustomMetric", "Version": "2019-01-01"}
    for number, fields in enumerate(case["entries"], 1):
        parameters |= {f"MetricList.{number}.{field}": value for field, value in fields.items()}
    if case["token"]:
        parameters["SecurityToken"] = case["token"]
    with (
        patch.object(parameter_helper, "get_uuid", lambda: case["nonce"]),
        patch.object(parameter_helper, "get_iso_8061_date", lambda: case["time"]),
    ):
        return rpc_signature_composer.get_signed_url(
            parameters, case["key"], case["secret"], "JSON", "POST", {}
        )


def new(case, address):
    """Has the newer SDK report to an address."""
    with (
        patch.object(Utils, "get_nonce", lambda: case["nonce"]),
        patch.object(Utils, "get_timestamp", lambda: case["time"]),
    ):
        report_new(case["entries"], case["key"], case["secret"], case["token"], address)


def report_new(entries, key, secret, token, address):
    config = Config(
        access_key_id=key,
        access_key_secret=secret,
        security_token=token,
        endpoint=address,
        protocol="http",
        region_id="cn-hangzhou",
        # The RPC style's signature. Without it this SDK signs in the headers, by ACS3-HMAC-SHA256.
        signature_algorithm="v2",
    )
    entries = [models.PutCustomMetricRequestMetricList().from_map(fields) for fields in entries]
    return Client(config).put_custom_metric(models.PutCustomMetricRequest(metric_list=entries))


class Capture(BaseHTTPRequestHandler):
    """Remembers what is asked, and says that all is well."""

    paths = []

    def do_POST(self):
        assert int(self.headers.get("content-length") or 0) == 0, "there is a body"
        self.paths.append(self.path)
        body = b'{"RequestId":"r","Code":"200","Message":"success"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def sign():
    rng = random.Random(20190101)
    server = HTTPServer(("127.0.0.1", 0), Capture)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = "127.0.0.1:%d" % server.server_port
    for _ in range(REQUESTS):
        one = case(rng)
        url, signed = old(one)
        new(one, address)
        print(
            json.dumps(
                {
                    "secret": one["secret"],
                    "old": dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
                    "old_signed": signed,
                    "new": dict(parse_qsl(urlsplit(Capture.paths.pop()).query, keep_blank_values=True)),
                }
            )
        )


def report(address):
    entries = [
        {
            "GroupId": "7",
            "MetricName": "latency",
            "Dimensions": json.dumps({"node": "n", "flow": "poem"}),
            "Type": "1",
            "Values": json.dumps({"Sum": 1.5, "P99": 2}),
            "Period": "60",
            "Time": "1763730000000",
        }
    ]
    answer = report_new(entries, "testid", "testsecret", None, address)
    assert answer.body.code == "200", answer.body

    request = CommonRequest(domain=address, version="2019-01-01", action_name="PutCustomMetric")
    request.set_method("POST")
    request.set_protocol_type("http")
    for field, value in entries[0].items():
        request.add_query_param(f"MetricList.1.{field}", value)
    answer = json.loads(AcsClient("testid", "testsecret", "cn-hangzhou").do_action_with_exception(request))
    assert answer["Code"] == "200", answer

    try:
        AcsClient("testid", "another", "cn-hangzhou").do_action_with_exception(request)
    except ServerException as error:
        # It says so itself if the server signed the same text as it did.
        assert error.get_error_code() in ("SignatureDoesNotMatch", "InvalidAccessKeySecret"), error
    else:
        raise AssertionError("a signature with another secret was taken")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sign"]:
            sign()
        case ["report", address]:
            report(address)
        case _:
            sys.exit(__doc__)
