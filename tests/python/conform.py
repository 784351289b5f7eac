"""Answers the questions of the conformance protocol in Python, one JSON line each, until the input ends.

`version`, `reasons`, `policy`, `request` and `script` are answered through the package's own classes. The other ops ask
for parts that the package does not show one by one; their lines go to the core, as they are. `tests/README.md` says
what can be asked.
"""

import json
import sys

import script
import words
import wswarden
from wswarden import Host, Now, Policy, PolicyError, Reason, Refused, Waiting
from wswarden._core import conform_line

UNIX = 1_800_000_000


def main():
    for line in sys.stdin.buffer:
        print(json.dumps(answer(line), separators=(",", ":"), sort_keys=True), flush=True)


def answer(line):
    """The answer to a question; it has the question's id, and `error` where the question is none."""
    try:
        question = json.loads(line, parse_constant=no_json)
        own = OPS.get(question.get("op")) if isinstance(question, dict) else None
    except (ValueError, RecursionError, TypeError):
        own = None
    if own is None:
        return json.loads(conform_line(line))
    try:
        said = own(question)
    except PolicyError as error:
        said = {"error": f"policy: {error}"}
    except script.Wrong as wrong:
        said = {"error": str(wrong)}
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError, wswarden.WswardenError) as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    return said | {"id": question.get("id")}


def no_json(name):
    raise ValueError(f"{name} is no JSON")


def version(question):
    return {**json.loads(conform_line(json.dumps({"op": "version"}).encode())), "language": "python"}


def reasons(question):
    def row(reason):
        close = {"rfc": reason.close_code_rfc, "app": reason.close_code_app}
        return {"name": reason, "number": reason.number, "http": reason.status, "close": close, "retry": reason.retry}

    return {"reasons": [row(reason) for reason in Reason]}


def policy(question):
    try:
        return {"ok": True, "warnings": Policy.from_dict(question["policy"]).warnings}
    except PolicyError as error:
        return {"ok": False, "error": str(error)}


def request(question):
    guard = wswarden.Guard(Policy.from_dict(question["policy"]), host=Host.SOCKET, seed=bytes(32))
    now = Now(question.get("mono") or 0, (question.get("unix") or UNIX) * 10**9)
    try:
        admission = script.screened(guard, question["request"], now).admit(now=now)
        who = script.identity(question.get("identity"))
        if isinstance(admission, Waiting) and who is not None:
            admission = admission.provide(who, now=now)
    except Refused as refused:
        said = {
            "accept": False,
            "status": refused.status,
            "reason": refused.reason,
            "headers": [list(pair) for pair in refused.response.headers],
        }
        return said | words.wait(refused.retry_after)
    if isinstance(admission, Waiting):
        return words.need(admission.need)
    response = admission.response
    return {"accept": True, "status": response.status, "headers": [list(pair) for pair in response.headers]}


OPS = {"version": version, "reasons": reasons, "policy": policy, "request": request, "script": script.answer}

if __name__ == "__main__":
    main()
