"""Loans that several lenders hold: which lines of which filings are one loan, and a made world in which that is known.

``identity`` decides and says why; ``universe`` makes lenders, loans and marks for samples, tests and benchmarks. Neither knows
a provider's files, an orchestrator or a database.
"""
