"""The REST API in the place of the database: what a Call is there, and who asks for it."""

from taskflow.remote import fleet, flows, jobs, limits, schedules
from taskflow.remote.address import Address, find_key
from taskflow.remote.fleet import check_tenant
from taskflow.remote.script import TABLE, NeedsDatabase, Script, script_of
from taskflow.remote.transport import AsyncTransport, Transport

assert all((fleet, flows, jobs, limits, schedules))
"""Imported for their entries in the table."""

__all__ = [
    "TABLE",
    "Address",
    "AsyncTransport",
    "NeedsDatabase",
    "Script",
    "Transport",
    "check_tenant",
    "find_key",
    "script_of",
]
