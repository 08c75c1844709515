"""The state of a conversation: frozen, plain data."""


class Conversation: ...
