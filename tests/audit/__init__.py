"""The audit log, on a real disk and on disks that misbehave."""
