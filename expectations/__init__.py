"""Great Expectations suites: one module per source and one for the marts, and the bridge that runs them.

Suites are our own small definitions (``expectations.suite``); only ``expectations.bridge`` knows Great Expectations and
only there a result becomes a Dagster check. No parsing happens here.
"""
