"""Where tasks live; nothing above this folder knows SQL."""
