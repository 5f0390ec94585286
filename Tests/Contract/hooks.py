"""Rules of the contract that JSON Schema cannot express, for schemathesis (see run.sh)."""

import itertools
import re
import secrets

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

MAX_KEY_LENGTH = 255
MAX_QUANTITY = 1_000_000
WELL_FORMED_KEY = re.compile(r'("?)([!#-\[\]-~]{1,255})\1')

run = secrets.token_hex(4)
calls = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    # A request that is meant to be refused has no effect, so it is left unchanged.
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # 5.0 is an integer to JSON Schema, and a fraction (400) to Holdfast.
    if isinstance(case.body, (dict, list)):
        case.body = without_fractions(case.body)
    # A repeated key gets its first answer or a 422. That is right, but then the call has no effect to check.
    key = WELL_FORMED_KEY.fullmatch(str((case.headers or {}).get("Idempotency-Key", "")))
    if key:
        quote, text = key.groups()
        unique = f"{run}{next(calls):x}"
        case.headers["Idempotency-Key"] = quote + text[: MAX_KEY_LENGTH - len(unique)] + unique + quote


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """False for a 400 that is right: the schema allows the request, but the contract does not."""
    return not (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 400
        and (has_foreign_cursor(response) or has_too_large_sum(case.body))
    )


def has_foreign_cursor(response):
    """A cursor is opaque, and only the node knows its own. No other place may be reported as the fault."""
    return [error["pointer"] for error in response.json().get("errors", [])] == ["query/cursor"]


def has_too_large_sum(body):
    """The limit of a quantity holds after the lines of a SKU are summed."""
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        return False
    sums = {}
    for line in body["items"]:
        sums[line["sku"]] = sums.get(line["sku"], 0) + line["quantity"]
    return max(sums.values()) > MAX_QUANTITY


def without_fractions(value):
    if isinstance(value, dict):
        return {name: without_fractions(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_fractions(element) for element in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
