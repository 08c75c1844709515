"""What people wrote: words, amounts, accounts and links in free text."""
