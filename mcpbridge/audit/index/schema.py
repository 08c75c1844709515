"""The tables of an index. Plain SQL: sqlite3, Datasette and DuckDB read it as it is.

What a record says is looked up in the log itself: the index says where its line begins. Texts are kept
shortened, for people who look at the tables.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "2"
"""An index of another version is built anew."""
INTERNED: Final = {"request_id": "requests", "run_id": "runs", "conversation_id": "conversations"}
"""Fields whose long ids come again and again: kept once each, in a table of their own."""
COLUMNS: Final = (
    "seq", "segment", "offset", "length", "ts", "type", "outcome", "status", "evidence", "server_label",
    "tool", "principal", "approver", "authenticated", "rule_ids", "reason", "item_id", "attempt",
    "asked_at", "decided_at", "latency_ms", "result_size", "sanitized", "arguments",
    "request", "run", "conversation",
)  # fmt: skip
"""Of `records`, in order."""

TABLES: Final = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE segments (
  first_seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, last_offset INTEGER NOT NULL,
  last_seq INTEGER NOT NULL, last_hash TEXT NOT NULL,
  stamp TEXT NOT NULL DEFAULT ''
);
CREATE TABLE tiles (number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE requests (id INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE);
CREATE TABLE runs (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE);
CREATE TABLE conversations (id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL UNIQUE);
CREATE TABLE records (
  seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
  ts TEXT, type TEXT, outcome TEXT, status TEXT, evidence TEXT, server_label TEXT, tool TEXT, principal TEXT,
  approver TEXT, authenticated INTEGER, rule_ids TEXT, reason TEXT, item_id TEXT, attempt INTEGER,
  asked_at TEXT, decided_at TEXT, latency_ms REAL, result_size INTEGER, sanitized INTEGER, arguments TEXT,
  request INTEGER REFERENCES requests (id), run INTEGER REFERENCES runs (id),
  conversation INTEGER REFERENCES conversations (id)
);
CREATE VIRTUAL TABLE records_fts USING fts5(
  server_label, tool, principal, approver, rule_ids, reason, arguments,
  content="records", content_rowid="seq", columnsize=0, tokenize="ascii"
);
"""

INDEXES: Final = """
CREATE INDEX records_request ON records (request) WHERE request IS NOT NULL;
CREATE INDEX records_item ON records (item_id) WHERE item_id IS NOT NULL;
CREATE INDEX records_run ON records (run) WHERE run IS NOT NULL;
CREATE INDEX records_conversation ON records (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX records_type ON records (type, outcome, server_label, tool);
CREATE INDEX records_approver ON records (approver) WHERE approver IS NOT NULL;
"""

_TOOL: Final = "coalesce(server_label || '.', '') || tool AS tool"
_IDS: Final = """LEFT JOIN requests ON requests.id = request LEFT JOIN runs ON runs.id = run
    LEFT JOIN conversations ON conversations.id = conversation"""
_QUESTION: Final = """(SELECT max(question.ts) FROM records AS question
    WHERE question.request = records.request AND question.conversation IS records.conversation
    AND question.type = 'question_asked'
    AND question.seq < records.seq)"""
"""Decisions of later did not say when they were asked, once."""
VIEWS: Final = f"""
CREATE VIEW decisions AS
  SELECT seq, ts, outcome, {_TOOL}, rule_ids, principal, approver, authenticated, reason, arguments,
    request_id, attempt, run_id, conversation_id
  FROM records {_IDS} WHERE type = 'decision';
CREATE VIEW outcomes AS
  SELECT seq, ts, type, status, {_TOOL}, evidence, latency_ms, result_size, reason AS error, request_id,
    item_id, run_id, conversation_id
  FROM records {_IDS} WHERE type IN ('outcome', 'outcome_unknown');
CREATE VIEW approvals AS
  SELECT seq, ts, outcome, {_TOOL}, approver, authenticated, asked AS asked_at, decided_at,
    round((julianday(decided_at) - julianday(asked)) * 86400, 3) AS seconds, reason, arguments,
    request_id, conversation_id
  FROM (SELECT *, coalesce(asked_at, {_QUESTION}) AS asked FROM records) {_IDS}
  WHERE type = 'decision' AND outcome IN ('human_allow', 'human_deny', 'timeout');
"""  # noqa: S608 - texts of this file

ABOUT: Final = {
    "version": VERSION,
    "what": "A disposable index of an mcpbridge audit log. It is no evidence: that is the log alone. "
    "Delete it at any time; `mcpbridge audit index` makes it again.",
}
