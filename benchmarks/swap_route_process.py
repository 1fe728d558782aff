"""What Lambda does with swap_route, in a process of its own: import the function's module and invoke its handler.

    python -S swap_route_process.py db-02 db-01 ...     one invocation for each node named, in the same process

Prints a JSON list: seconds from the start of the interpreter's own work to the end of the first invocation, then those
of each further invocation.
"""

import json
import sys
import time
from types import SimpleNamespace

STARTED = time.perf_counter()
EXECUTION = "arn:aws:states:ap-northeast-1:000000000000:execution:garoon-failover:benchmark"
CONTEXT = SimpleNamespace(
    function_name="swap_route",
    function_version="$LATEST",
    invoked_function_arn="arn:aws:lambda:ap-northeast-1:000000000000:function:swap_route",
    memory_limit_in_mb=1024,
    aws_request_id="benchmark",
)


def main() -> None:
    import app  # type: ignore[import-not-found]

    seconds = []
    started = STARTED
    for node in sys.argv[1:]:
        while True:
            try:
                app.handler({"execution": EXECUTION, "node": node}, CONTEXT)
                break
            except Exception as error:  # the workflow's own retry, by the error's name
                if type(error).__name__ not in ("NotYet", "CloudUnavailable"):
                    raise
                print(error, file=sys.stderr, flush=True)
                time.sleep(1)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    print(json.dumps(seconds), file=sys.stderr)


if __name__ == "__main__":
    main()
