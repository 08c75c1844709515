"""The `model:` section."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from mcpbridge.config.files import joined
from mcpbridge.config.headers import name_problem, repeated_name, value_problem
from mcpbridge.config.keys import MODEL, REASONING
from mcpbridge.config.models import ModelConfig, Reasoning, Summary
from mcpbridge.config.profiles import UNKNOWN
from mcpbridge.config.read_endpoint import read_api_key, read_endpoint
from mcpbridge.config.read_profile import read_profile
from mcpbridge.config.reader import Reader
from mcpbridge.config.template import SecretTemplate
from mcpbridge.config.urls import PROXY


def read_model(top: Reader, env: Mapping[str, str]) -> ModelConfig:
    """The section; a stand-in, beside the problem, where it is missing or no mapping."""
    model = top.section("model", "write model: {name: …, endpoint: openai}")
    if model is None:
        return ModelConfig(name="", endpoint="url", base_url="", profile=UNKNOWN)
    model.only(*MODEL)
    name = model.required("name", "write the model's name (on Azure, the deployment's)")
    model.flag("allow_http")
    endpoint, base_url = read_endpoint(model, env)
    api_key = read_api_key(model, endpoint)
    return ModelConfig(
        name=name or "",
        endpoint=endpoint,
        base_url=base_url,
        profile=read_profile(model, endpoint),
        api_key=api_key,
        headers=_headers(model, api_key is not None),
        query=MappingProxyType(model.templates("query")),
        proxy=_proxy(model),
        ca_file=_ca_file(model),
        timeout=model.duration("timeout", 600.0),
        stream=model.flag("stream") if model.has("stream") else None,
        reasoning=_reasoning(model.child("reasoning")),
        instructions=model.text("instructions"),
        max_output_tokens=model.integer("max_output_tokens", 1) if model.has("max_output_tokens") else None,
        retries=model.integer("retries", 4, minimum=0),
    )


def _headers(model: Reader, has_key: bool) -> Mapping[str, SecretTemplate]:
    headers = model.templates("headers")
    for name, template in headers.items():
        problem = name_problem(name) or value_problem(template.skeleton)
        if problem is None and has_key and name.lower() == "authorization":
            problem = "api_key already fills this header; remove it"
        if problem:
            model.refuse(f"model.headers.{name}: {problem}", "headers", name)
    repeated = repeated_name(headers)
    if repeated:
        model.refuse(
            f"the header {repeated} stands twice (case does not count); remove one", "headers", repeated
        )
    return MappingProxyType(headers)


def _proxy(model: Reader) -> SecretTemplate | None:
    proxy = model.template("proxy")
    if proxy is None:
        return None
    if not proxy.skeleton.startswith("$") and not PROXY.match(proxy.skeleton):
        model.refuse("model.proxy must begin with http://, https:// or socks5://", "proxy")
    if "@" in (proxy.literal or ""):
        model.refuse(
            "model.proxy: a password does not stand in a file; write http://user:${env:NAME}@host", "proxy"
        )
    return proxy


def _ca_file(model: Reader) -> Path | None:
    value = model.text("ca_file")
    if value is None:
        return None
    path = joined(model.directory, value)
    if not path.is_file():
        model.refuse(f"model.ca_file: there is no file {path}", "ca_file")
    return path


def _reasoning(reasoning: Reader) -> Reasoning:
    reasoning.only(*REASONING)
    return Reasoning(
        effort=reasoning.text("effort"),
        summary=reasoning.optional_choice("summary", get_args(Summary)),
    )
