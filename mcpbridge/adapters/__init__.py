"""One outside thing per file, each behind one port."""
