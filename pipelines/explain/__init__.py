"""A ticket's or customer's numbers, worked out line by line from what was published."""
