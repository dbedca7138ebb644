"""Orchestration: Dagster definitions, the dbt runner and the one entry that the command line calls.

What belongs here: assets wired together, resources, jobs, schedules. What does not: provider knowledge, SQL, business rules.
"""
