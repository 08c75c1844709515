"""How fast the audit log is, beside a C program that writes and syncs the same bytes, and beside others."""
