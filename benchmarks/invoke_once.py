"""What Lambda does with a function that starts cold, in a process of its own: import it, and invoke its handler once.

    python -S invoke_once.py '{"execution": "arn", ...}'

The last line that it prints is the most memory that the process held, in KiB.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    function_name="benchmark",
    function_version="$LATEST",
    invoked_function_arn="arn:aws:lambda:ap-northeast-1:000000000000:function:benchmark",
    memory_limit_in_mb=1024,
    aws_request_id="benchmark",
)


def main() -> None:
    import app  # type: ignore[import-not-found]

    app.handler(json.loads(sys.argv[1]), CONTEXT)
    # The process's own peak: what getrusage says of it begins with the size of the process that started it.
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(peak.split()[1])


if __name__ == "__main__":
    main()
