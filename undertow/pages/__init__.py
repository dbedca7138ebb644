"""Pages for people: one self-contained HTML file each, which needs no network and works from disk.

``frame`` is the one frame of all of them; each page is a module beside it, with its script if it has one. What a page shows
comes from a published build through the macros or tables that every reader uses; no numbers are made here.
"""
