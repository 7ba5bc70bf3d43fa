"""Bytes and files: which addresses may be used, and how a finished video gets into a folder."""
