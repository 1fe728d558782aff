"""Lambda functions whose errors keep their names, and layers that are unpacked once.

Follows, in the Lambda Developer Guide: "Lambda function handler in Python / Exceptions" (errorMessage, errorType =
the exception's class name, stackTrace; the execution environment lives on), "Understanding the Lambda execution
environment lifecycle", "Working with layers" (/opt is shared); and in the Step Functions Developer Guide: "Handling
errors in Step Functions workflows" (a function's errorType is the error's name; Sandbox.Timedout, Lambda.Unknown).
The emulator calls every exception Runtime.HandlerError, ends the worker after it, and unpacks layers for each worker.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import sysconfig
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from testbed.cloud import environments, processor_share
from testbed.cloud.at_work import FunctionsAtWork
from testbed.cloud.embedded_metrics import put_metrics_of
from testbed.cloud.emulator import Cloud

logger = logging.getLogger("testbed.functions")

_INIT_FAILED = "Worker init failed: "
_TIMED_OUT = "Task timed out after"

# The worker's own words, and what takes their place. A handler's exception is an answer like any other.
_HANDLER_EXCEPTION = (
    '_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")'
)
_REPORT_EXCEPTION = """_payload = {"errorMessage": str(e), "errorType": type(e).__name__,
                        "requestId": _ms_ctx.get("request_id", ""),
                        "stackTrace": traceback.format_tb(e.__traceback__)[1:]}
            traceback.print_exc()
            _real_stdout.write(json.dumps({"status": "ok", "result": _payload, "raised": True}) + "\\n")"""
_INIT_EXCEPTION = '_real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")'
_REPORT_INIT_EXCEPTION = """_type = ("Runtime.ImportModuleError" if isinstance(e, ImportError)
                 else "Runtime.HandlerNotFound" if isinstance(e, AttributeError) else type(e).__name__)
        traceback.print_exc()
        _payload = {"errorMessage": str(e), "errorType": _type, "stackTrace": traceback.format_tb(e.__traceback__)}
        _real_stdout.write(json.dumps({"status": "error", "error": json.dumps(_payload)}) + "\\n")"""

# Lambda starts an environment for each concurrent invocation. Here they share two cores: a burst of events would spend
# minutes on starting Python, so invocations beyond these wait for a warm environment.
_ENVIRONMENTS_OF_A_FUNCTION = 3

_layers_lock = threading.Lock()
_environments: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
    lambda: threading.BoundedSemaphore(_ENVIRONMENTS_OF_A_FUNCTION)
)


def install(cloud: Cloud) -> None:
    at_work = FunctionsAtWork(cloud.world_directory)
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    for old, new in ((_HANDLER_EXCEPTION, _REPORT_EXCEPTION), (_INIT_EXCEPTION, _REPORT_INIT_EXCEPTION)):
        if script.count(old) != 1:
            raise RuntimeError("The emulator's Python worker is not the one that this module was written for.")
        script = script.replace(old, new)
    lambda_runtime._PYTHON_WORKER_SCRIPT = script

    has_share = cloud.profile.are_cold_starts_whole

    def execute(function: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        config = function.get("config") or function
        with at_work.counted(), _environments[config.get("FunctionName", "unknown")]:
            return _invoke(config, function["code_zip"], event, request_id, has_share=has_share)

    lambda_svc._execute_function_warm = execute

    spawn = lambda_runtime.Worker._spawn

    def spawn_with_shared_layers(worker: Any) -> None:
        original = worker.config
        layers = os.pathsep.join(str(_unpacked_layer(layer)) for layer in original.get("Layers") or [])
        variables = {**(original.get("Environment") or {}).get("Variables", {}), "_LAMBDA_LAYERS_DIRS": layers}
        # The real configuration comes back at once: it is the function's, and is read by others.
        worker.config = {**original, "Layers": [], "Environment": {"Variables": variables}}
        try:
            spawn(worker)
        finally:
            worker.config = original

    lambda_runtime.Worker._spawn = spawn_with_shared_layers
    environments.install(are_cold_starts_whole=cloud.profile.are_cold_starts_whole)


def _invoke(config: dict[str, Any], code: bytes, event: object, request_id: str, *, has_share: bool) -> dict[str, Any]:
    """One invocation in a warm worker; the answer is the emulator's own form of an execution's result.

    `has_share`: it takes the time that it would take with its memory's share of a processor.
    """
    name, version = config.get("FunctionName", "unknown"), config.get("Version", "$LATEST")
    lambda_svc._ensure_reaper_thread()
    worker, _ = lambda_runtime.acquire_worker(name, config, code, qualifier=version)
    try:
        used_before = processor_share.used_seconds(worker._proc)
        answer = worker.invoke(
            event,
            request_id,
            trace_id=lambda_svc._xray_trace_id_for_invocation(config),
            invoked_function_arn=config.get("FunctionArn", ""),
            depth=lambda_svc._invoke_depth.get(),
        )
        if has_share:
            used = processor_share.used_seconds(worker._proc) - used_before
            time.sleep(processor_share.more_seconds(used, config["MemorySize"]))
    except RuntimeError as error:  # the module could not be imported
        return {"body": _init_failure(str(error)), "error": True, "log": str(error)}
    finally:
        lambda_runtime.release_worker(worker)
    log = answer.get("log", "")
    put_metrics_of(log)
    if answer["status"] == "ok":
        return {"body": answer.get("result"), "error": bool(answer.get("raised")), "log": log}
    message = answer.get("error", "")
    return {"body": {"errorMessage": message, "errorType": _crash_type(message)}, "error": True, "log": log}


def _crash_type(message: str) -> str:
    return "Sandbox.Timedout" if message.startswith(_TIMED_OUT) else "Runtime.ExitError"


def _init_failure(message: str) -> dict[str, Any]:
    if message.startswith(_INIT_FAILED):
        payload: dict[str, Any] = json.loads(message.removeprefix(_INIT_FAILED))
        return payload
    return {"errorMessage": message, "errorType": "Runtime.ExitError"}


def _unpacked_layer(attachment: str | dict[str, Any]) -> Path:
    """The directory of the layer version's content, unpacked now if it was not yet."""
    content = lambda_svc._resolve_layer_zip(attachment)
    if content is None:
        raise RuntimeError(f"The layer {attachment} has no content.")
    directory = Path(tempfile.gettempdir()) / "layers" / hashlib.sha256(content).hexdigest()[:16]
    with _layers_lock:
        if not directory.exists():
            partial = directory.with_suffix(".partial")
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                _refuse_foreign(archive.namelist())
                archive.extractall(partial)
            partial.rename(directory)
    return directory


def _refuse_foreign(names: list[str]) -> None:
    """Functions run with this machine's Python, and so do their extension modules."""
    own = sysconfig.get_config_var("EXT_SUFFIX")
    for name in names:
        if name.endswith(".so") and ".cpython-" in name and not name.endswith(own):
            raise RuntimeError(
                f"The layer was built for another machine or Python ({name.rpartition('/')[2]}), as `sam build` does "
                "for Lambda. For the local cloud build it with `LAYER_TARGET=host sam build`, and deploy again."
            )
