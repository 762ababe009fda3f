"""The exact account of every answer: quota, usage, prices, energy, receipts, and a log that nobody changes unseen."""
