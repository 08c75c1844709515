"""What a reviewer asks of a log: the evidence of one decision, whether all adds up, and their signature."""
