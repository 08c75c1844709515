"""The same three functions for both sides: plain ones for the bare client, `@tool`s for mcpbridge.

They are coroutines on both sides: mcpbridge would run plain functions in threads, which is another
question than what the gate costs.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from mcpbridge import tool

_RATES = {"EUR": 1.0, "USD": 0.86, "GBP": 1.15}


async def convert(amount: float, currency: Literal["EUR", "USD", "GBP"] = "EUR") -> str:
    """Convert an amount to euros.

    Args:
        amount: How much, in the currency given.
        currency: The currency of the amount.
    """
    return f"{amount * _RATES[currency]:.2f} EUR"


async def weather(city: str, days: int = 1) -> dict[str, Any]:
    """The forecast for a city.

    Args:
        city: Its name in English.
        days: How many days ahead, 1 to 7.
    """
    return {"city": city, "days": [{"day": day, "high": 21 + day, "rain": 0.1} for day in range(days)]}


async def add_note(text: str, labels: list[str]) -> str:
    """Keep a note.

    Args:
        text: The note itself.
        labels: Words to find it by.
    """
    return f"Noted ({', '.join(labels) or 'no labels'}): {text}"


FUNCTIONS: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {
    "convert": convert,
    "weather": weather,
    "add_note": add_note,
}
TOOLS = [tool(function) for function in FUNCTIONS.values()]
DECLARATIONS = [one.parameters() for one in TOOLS]
"""The `tools` that a caller of the bare client would have written by hand."""
