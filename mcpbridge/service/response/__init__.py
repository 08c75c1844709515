"""One response being made: the performance, its stream events, the body around it."""
