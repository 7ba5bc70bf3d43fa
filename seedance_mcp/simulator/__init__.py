"""Speaks providers' wire formats over real sockets, with faults on demand; written from their documents alone.

Start at `app.Simulator`. A new wire format is one file with a `Wire` record and one entry in `app.FORMATS`.
"""
