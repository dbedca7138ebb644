"""What a published build is carried over to: a Feast repository, a PostgreSQL schema, SDMX messages.

Each module reads one build and nothing else, writes whole files or one transaction, and writes the same again when it is asked
again. What a table means is said by the build's own comments; nothing is described a second time here.
"""
