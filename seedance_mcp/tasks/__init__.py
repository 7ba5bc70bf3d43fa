"""The life of a task: chosen, sent once, followed to its end, fetched."""
