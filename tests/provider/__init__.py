"""The providers on loopback: a server that speaks as they do and breaks on demand, and the files it serves."""
