"""The shared vectors as questions; `tests/README.md` has the format."""

import copy
import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


def cases():
    """Every case of every file, in order: (file, name, question, what is expected)."""
    for path in sorted(FOLDER.glob("*.json")):
        file = json.loads(path.read_text())
        for number, case in enumerate(file["cases"]):
            steps = case.get("steps")
            expect = {"steps": [step["expect"] for step in steps]} if steps is not None else case["expect"]
            yield path.stem, case["name"], question(file, case) | {"id": number}, expect | {"id": number}


def question(file, case):
    asked = copy.deepcopy(case.get("ask") or {})
    asked |= {field: case[field] for field in ("unix", "mono", "seed", "identity") if field in case}
    if "ask" in case:
        return asked
    requests = file["requests"] | case.get("requests", {})
    policy = merged(file["policy"], case.get("policy", {}))
    if "request" in case:
        asked |= {"op": "request", "request": resolved(case["request"], requests)}
    else:
        asked |= {
            "op": "script",
            "steps": [step(one, policy, requests) for one in case["steps"]],
            "requests": {name: resolved(one, requests) for name, one in requests.items()},
        }
    return asked | {"policy": policy}


def step(step, policy, requests):
    """A step without what is expected of it, its request and policy written out."""
    step = {name: value for name, value in step.items() if name != "expect"}
    if isinstance(step.get("open"), dict):
        step["open"] = resolved(step["open"], requests)
    if "policy" in step:
        step["policy"] = merged(policy, step["policy"])
    return step


def resolved(request, requests):
    """A request by its name, or like another with headers changed."""
    if isinstance(request, str):
        return resolved(requests[request], requests)
    if "like" not in request:
        return request
    whole = copy.deepcopy(resolved(request["like"], requests))
    changed, added = request.get("set", []), request.get("add", [])
    gone = request.get("without", []) + [name for name, _ in changed]
    whole["headers"] = [pair for pair in whole["headers"] if pair[0] not in gone] + changed + added
    return whole | {name: value for name, value in request.items() if name not in ("like", "without", "set", "add")}


def merged(base, patch):
    """A JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    whole = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value)
    return whole
