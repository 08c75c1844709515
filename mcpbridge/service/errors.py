"""Error payloads of the API.

ApiError                one error answer: HTTP status and `{"error": {message, type, param, code}}`
ScriptError(ValueError) the YAML script is wrong; says where and what to change
"""

from __future__ import annotations

from mcpbridge.service.wire import Item


class ApiError(Exception):
    """What the service answers instead of a response."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.param = param
        self.code = code

    def payload(self) -> Item:
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}


class ScriptError(ValueError):
    """The script cannot be played: the message names the line and what to write instead."""


def unknown_parameter(path: str) -> ApiError:
    return ApiError(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def missing_parameter(path: str) -> ApiError:
    return ApiError(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def invalid_type(path: str, expected: str, value: object) -> ApiError:
    got = _json_name(value)
    message = f"Invalid type for '{path}': expected {expected}, but got {got} instead."
    return ApiError(message, param=path, code="invalid_type")


def invalid_value(path: str, value: object, supported: str) -> ApiError:
    message = f"Invalid value: '{value}'. Supported values are: {supported}."
    return ApiError(message, param=path, code="invalid_value")


def unsupported(path: str, why: str) -> ApiError:
    message = f"Unsupported parameter: '{path}' is not supported by this local service: {why}"
    return ApiError(message, param=path, code="unsupported_parameter")


def tool_list_failed(label: str, status: int, reason: str) -> ApiError:
    return ApiError(
        f"Error retrieving tool list from MCP server: '{label}'. Http status code: {status} ({reason})",
        status=424,
        type="external_connector_error",
        param="tools",
        code="http_error",
    )


def response_not_found(response_id: str) -> ApiError:
    return ApiError(f"Response with id '{response_id}' not found.", status=404)


def item_not_found(item_id: str, *, stored: bool) -> ApiError:
    message = f"Item with id '{item_id}' not found."
    if not stored:
        message += " Items are not persisted when `store` is set to false."
    return ApiError(message, status=404, param="input")


def duplicate_item(item_id: str) -> ApiError:
    message = f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try again."
    return ApiError(message, param="input")


def body_too_large(most: int) -> ApiError:
    message = f"The body of the request is too large: this service takes at most {most} bytes."
    return ApiError(message, status=413, code="request_too_large")


def body_too_slow(seconds: float) -> ApiError:
    message = f"The body of the request did not arrive within {seconds:g} seconds; send it again."
    return ApiError(message, status=408, code="request_timeout")


def service_stopped() -> ApiError:
    message = "The service was stopped before the response was complete."
    return ApiError(message, status=503, type="server_error", code="server_stopped")


def server_error() -> ApiError:
    message = "The server had an error while processing your request."
    return ApiError(message, status=500, type="server_error", code="server_error")


def default_error(status: int) -> ApiError:
    """The usual payload of a status, for faults that name no body."""
    known = {
        429: ("Rate limit reached for requests.", "rate_limit_error", "rate_limit_exceeded"),
        503: ("The server is overloaded or not ready yet.", "server_error", "server_overloaded"),
    }
    fallback = ("The server had an error while processing your request.", "server_error", "server_error")
    if status < 500:
        fallback = ("The request was refused.", "invalid_request_error", "refused_by_script")
    message, kind, code = known.get(status, fallback)
    return ApiError(message, status=status, type=kind, code=code)


def _json_name(value: object) -> str:
    names: dict[type, str] = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string"}
    if value is None:
        return "null"
    return names.get(type(value), "an object" if isinstance(value, dict) else "an array")
